#include "cpp/config/json_schema.h"

#include <algorithm>
#include <set>
#include <string_view>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "cpp/base/text.h"

namespace tessera {
namespace {

std::string Texts(const std::vector<std::string>& items) {
  std::vector<std::string> quoted;
  for (const std::string& item : items) quoted.push_back(JsonQuoted(item));
  return absl::StrCat("[", absl::StrJoin(quoted, ","), "]");
}

std::string Reference(std::string_view name) {
  return absl::StrCat("{\"$ref\":\"#/$defs/", name, "\"}");
}

// Adds `"name":json` to the inside of an object.
void Put(std::string& members, std::string_view name, std::string_view json) {
  absl::StrAppend(&members, members.empty() ? "" : ",", "\"", name, "\":", json);
}

std::string Doc(const FieldInfo& field) {
  std::string doc = field.doc;
  if (!field.unit.empty()) absl::StrAppend(&doc, doc.empty() ? "" : " ", "In ", field.unit, ".");
  if (!field.flows.empty()) absl::StrAppend(&doc, " Given from above.");
  return doc;
}

class SchemaWriter {
 public:
  explicit SchemaWriter(const SchemaRegistry& registry) : registry_(registry) {}

  std::string Write() {
    for (const TypeInfo* type : registry_.List()) {
      Define(absl::StrCat("type.", type->name), Object(*type, true));
    }
    std::set<std::string> roles;
    for (const TypeInfo* type : registry_.List()) {
      for (const FieldInfo& field : type->fields) {
        if (field.kind == FieldKind::kSlot) roles.insert(field.role);
      }
    }
    for (const std::string& role : roles) Define(absl::StrCat("role.", role), Role(role));
    for (size_t i = 0; i < tables_.size(); ++i) {   // grows while it is walked
      const TypeInfo& table = *tables_[i];
      Define(absl::StrCat("table.", table.name), Object(table, false));
    }
    DefineModifiers();
    std::string root;
    Put(root, "$schema", "\"https://json-schema.org/draft/2020-12/schema\"");
    Put(root, "title", "\"Tessera config\"");
    // A config, or a file of modifiers.
    Put(root, "if", "{\"anyOf\":[{\"type\":\"array\"},{\"anyOf\":[{\"required\":[\"replace\"]},"
                    "{\"required\":[\"wrap\"]},{\"required\":[\"set\"]},{\"required\":[\"unset\"]},"
                    "{\"required\":[\"insert\"]},{\"required\":[\"remove\"]},"
                    "{\"required\":[\"chain\"]},{\"required\":[\"when\"]}]}]}");
    Put(root, "then", Reference("modifiers"));
    Put(root, "else", "{\"if\":{\"required\":[\"type\"]},\"then\":{\"$ref\":\"#/$defs/any\"},"
                      "\"else\":{\"$ref\":\"#/$defs/type.Experiment\"}}");
    Put(root, "$defs", absl::StrCat("{", defs_, "}"));
    return absl::StrCat("{", root, "}");
  }

 private:
  void Define(std::string_view name, std::string_view json) { Put(defs_, name, json); }

  // An object of a type's fields. Every type may be the root, which has the words of files as well.
  std::string Object(const TypeInfo& type, bool is_node) {
    std::string properties;
    if (is_node) {
      Put(properties, "type", absl::StrCat("{\"const\":", JsonQuoted(type.name),
                                           ",\"description\":", JsonQuoted(type.doc), "}"));
      Put(properties, "$schema", "{\"type\":\"string\"}");
      Put(properties, "extends", Reference("extends"));
      Put(properties, "parameters", "{\"type\":\"object\",\"description\":\"Values that texts such "
                                    "as \\\"$width\\\" stand for.\"}");
      Put(properties, "modifiers", Reference("modifiers"));
    }
    for (const FieldInfo& field : type.fields) {
      Put(properties, field.name, Field(field));
      for (const std::string& old : field.was) Put(properties, old, Field(field));
    }
    std::string object;
    Put(object, "type", "\"object\"");
    Put(object, "description", JsonQuoted(type.doc));
    Put(object, "properties", absl::StrCat("{", properties, "}"));
    Put(object, "additionalProperties", "false");
    return absl::StrCat("{", object, "}");
  }

  std::string Field(const FieldInfo& field) {
    std::string members;
    if (!Doc(field).empty()) Put(members, "description", JsonQuoted(Doc(field)));
    if (!field.fallback.empty()) Put(members, "default", field.fallback.ToJson());
    if (field.kind == FieldKind::kSlot && !field.default_type.empty()) {
      Put(members, "default", JsonQuoted(field.default_type));
    }
    if (!field.example.empty()) Put(members, "examples", absl::StrCat("[", field.example, "]"));
    std::vector<std::string> forms = {Element(field)};
    if (field.is_list) {
      forms.push_back(absl::StrCat("{\"type\":\"array\",\"items\":", Element(field), "}"));
    } else if (field.is_optional) {
      forms.push_back("{\"type\":\"null\"}");
    }
    forms.push_back(Reference("parameter"));
    Put(members, "anyOf", absl::StrCat("[", absl::StrJoin(forms, ","), "]"));
    return absl::StrCat("{", members, "}");
  }

  std::string Element(const FieldInfo& field) {
    switch (field.kind) {
      case FieldKind::kBool:
        return "{\"type\":\"boolean\"}";
      case FieldKind::kInt:
        return Number(field, "integer");
      case FieldKind::kFloat:
        return Number(field, "number");
      case FieldKind::kText:
        if (!field.choices.empty()) return absl::StrCat("{\"enum\":", Texts(field.choices), "}");
        return "{\"type\":\"string\"}";
      case FieldKind::kEnum:
        return Members(field);
      case FieldKind::kTable:
        if (std::find(tables_.begin(), tables_.end(), field.table) == tables_.end()) {
          tables_.push_back(field.table);
        }
        return Reference(absl::StrCat("table.", field.table->name));
      case FieldKind::kSlot:
        return Reference(absl::StrCat("role.", field.role));
    }
    return "{}";
  }

  static std::string Number(const FieldInfo& field, std::string_view type) {
    std::string members;
    Put(members, "type", absl::StrCat("\"", type, "\""));
    if (field.min) Put(members, "minimum", ShortestNumber(*field.min));
    if (field.max) Put(members, "maximum", ShortestNumber(*field.max));
    if (field.above) Put(members, "exclusiveMinimum", ShortestNumber(*field.above));
    if (field.below) Put(members, "exclusiveMaximum", ShortestNumber(*field.below));
    if (!field.choices.empty()) {
      Put(members, "enum", absl::StrCat("[", absl::StrJoin(field.choices, ","), "]"));
    }
    return absl::StrCat("{", members, "}");
  }

  static std::string Members(const FieldInfo& field) {
    std::vector<std::string> values;
    for (const EnumMember& member : field.members) {
      values.push_back(absl::StrCat("{\"const\":", JsonQuoted(member.name),
                                    ",\"description\":", JsonQuoted(member.doc), "}"));
    }
    return absl::StrCat("{\"anyOf\":[", absl::StrJoin(values, ","), "]}");
  }

  // What may stand in slots of a role: a name, or an object that says its type or is of one of
  // the role's types. Choosing by type makes an editor's messages those of that type alone.
  std::string Role(const std::string& role) {
    std::vector<std::string> names, rules, forms;
    for (const TypeInfo* type : registry_.List(role)) {
      names.push_back(type->name);
      names.insert(names.end(), type->aliases.begin(), type->aliases.end());
      const std::string target = Reference(absl::StrCat("type.", type->name));
      rules.push_back(absl::StrCat(
          "{\"if\":{\"required\":[\"type\"],\"properties\":{\"type\":{\"const\":",
          JsonQuoted(type->name), "}}},\"then\":", target, "}"));
      forms.push_back(target);
    }
    if (names.empty()) return "{}";
    return absl::StrCat(
        "{\"anyOf\":[{\"enum\":", Texts(names), "},{\"type\":\"object\",\"properties\":",
        "{\"type\":{\"enum\":", Texts(names), "}},\"allOf\":[", absl::StrJoin(rules, ","),
        ",{\"if\":{\"not\":{\"required\":[\"type\"]}},\"then\":{\"anyOf\":[",
        absl::StrJoin(forms, ","), "]}}]}]}");
  }

  void DefineModifiers() {
    std::vector<std::string> types, forms;
    for (const TypeInfo* type : registry_.List()) {
      types.push_back(type->name);
      forms.push_back(absl::StrCat(
          "{\"if\":{\"properties\":{\"type\":{\"const\":", JsonQuoted(type->name),
          "}}},\"then\":", Reference(absl::StrCat("type.", type->name)), "}"));
    }
    Define("any", absl::StrCat("{\"type\":\"object\",\"required\":[\"type\"],\"properties\":"
                               "{\"type\":{\"enum\":", Texts(types), "}},\"allOf\":[",
                               absl::StrJoin(forms, ","), "]}"));
    Define("extends", "{\"description\":\"Configs that this one changes, by relative path.\","
                      "\"anyOf\":[{\"type\":\"string\",\"pattern\":\"[.]json$\"},"
                      "{\"type\":\"array\",\"items\":{\"type\":\"string\"}}]}");
    Define("parameter", "{\"type\":\"string\",\"pattern\":\"^[$]\"}");
    Define("selector",
           absl::StrCat("{\"description\":\"A type, \\\"any ROLE\\\", or a path pattern.\","
                        "\"anyOf\":[{\"enum\":", Texts(types),
                        "},{\"type\":\"string\",\"pattern\":\"^(any |<any |.*[.*])|^[a-z_]+$\"},"
                        "{\"type\":\"object\",\"additionalProperties\":false,\"properties\":{"
                        "\"type\":{\"enum\":", Texts(types),
                        "},\"role\":{\"type\":\"string\"},\"path\":{\"type\":\"string\"},"
                        "\"where\":{\"type\":\"object\"},\"every\":{\"type\":\"integer\"},"
                        "\"from\":{\"type\":\"integer\"}}}]}"));
    Define("with", absl::StrCat("{\"anyOf\":[{\"enum\":", Texts(types), "},",
                                Reference("any"), "]}"));
    Define("modifiers", absl::StrCat("{\"anyOf\":[", Reference("modifier"),
                                     ",{\"type\":\"array\",\"items\":", Reference("modifier"),
                                     "}]}"));
    Define("modifier", absl::StrCat(
        "{\"type\":\"object\",\"additionalProperties\":false,\"properties\":{",
        "\"$schema\":{\"type\":\"string\"},\"replace\":", Reference("selector"),
        ",\"wrap\":", Reference("selector"), ",\"remove\":", Reference("selector"),
        ",\"in\":", Reference("selector"), ",\"with\":", Reference("with"),
        ",\"set\":{\"type\":\"object\"},\"unset\":{\"type\":[\"string\",\"array\"]},\"insert\":{},"
        "\"to\":{\"type\":\"string\"},\"at\":{\"type\":\"integer\",\"minimum\":0},"
        "\"optional\":{\"type\":\"boolean\"},\"chain\":{\"type\":\"array\",\"items\":",
        Reference("modifier"), "},\"when\":{\"type\":\"object\"},\"then\":",
        Reference("modifiers"), ",\"else\":", Reference("modifiers"), "}}"));
  }

  const SchemaRegistry& registry_;
  std::string defs_;
  std::vector<const TypeInfo*> tables_;
};

std::string ExampleValue(const FieldInfo& field) {
  if (!field.example.empty()) return field.example;
  if (!field.fallback.empty()) return field.fallback.ToJson();
  switch (field.kind) {
    case FieldKind::kBool:
      return "true";
    case FieldKind::kInt:
    case FieldKind::kFloat:
      return ShortestNumber(std::max(1.0, field.min.value_or(1)));
    case FieldKind::kEnum:
      return field.members.empty() ? "null" : JsonQuoted(field.members.front().name);
    default:
      return field.is_list ? "[]" : "\"\"";
  }
}

}  // namespace

std::string JsonSchemaOf(const SchemaRegistry& registry) {
  return SchemaWriter(registry).Write();
}

std::string ExampleOf(const SchemaRegistry& registry, const TypeInfo& type) {
  std::string members;
  Put(members, "type", JsonQuoted(type.name));
  const FieldInfo* first = nullptr;
  size_t shown = 0;
  for (const FieldInfo& field : type.fields) {
    if (!field.flows.empty()) continue;
    if (field.kind == FieldKind::kSlot) {
      if (!field.default_type.empty() || field.is_optional || field.is_list) continue;
      const std::vector<std::string> names = registry.Names(field.role);
      if (names.empty()) continue;
      Put(members, field.name, JsonQuoted(names.front()));
      ++shown;
      continue;
    }
    if (first == nullptr && !field.fallback.empty() && field.kind != FieldKind::kTable) {
      first = &field;
    }
    if (!field.is_required && field.example.empty()) continue;
    Put(members, field.name, ExampleValue(field));
    ++shown;
  }
  if (shown == 0 && first != nullptr) Put(members, first->name, ExampleValue(*first));
  return absl::StrCat("{", members, "}");
}

}  // namespace tessera
