#include "cpp/config/json_reader.h"

#include <cmath>
#include <map>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "cpp/base/text.h"
#include "cpp/config/config.h"
#include "cpp/config/field_check.h"

namespace tessera {
namespace {

using Kind = JsonValue::Kind;

// Above it, a number with a fraction or exponent need not be the integer that was meant.
constexpr double kLargestExact = 9007199254740992.0;   // 2^53

std::optional<ConfigValue> IntegerOf(const std::string& digits) {
  int64_t integer = 0;
  if (absl::SimpleAtoi(digits, &integer)) return ConfigValue(integer);
  double number = 0;
  if (absl::SimpleAtod(digits, &number) && std::abs(number) <= kLargestExact &&
      number == std::floor(number)) {
    return ConfigValue(static_cast<int64_t>(number));   // 1e6
  }
  return std::nullopt;
}

// The value of the right type, before ranges; nothing when the type is wrong.
std::optional<ConfigValue> Typed(const JsonValue& value, const FieldInfo& field) {
  switch (field.kind) {
    case FieldKind::kBool:
      if (value.kind == Kind::kBool) return ConfigValue(value.boolean);
      return std::nullopt;
    case FieldKind::kInt:
      return value.kind == Kind::kNumber ? IntegerOf(value.text) : std::nullopt;
    case FieldKind::kFloat: {
      double number = 0;
      if (value.kind != Kind::kNumber || !absl::SimpleAtod(value.text, &number)) {
        return std::nullopt;
      }
      return ConfigValue(number);
    }
    case FieldKind::kText:
    case FieldKind::kEnum:
      if (value.kind == Kind::kText) return ConfigValue(value.text);
      return std::nullopt;
    default:
      return std::nullopt;
  }
}

std::vector<std::string> MemberNames(const FieldInfo& field) {
  std::vector<std::string> names;
  for (const EnumMember& member : field.members) names.push_back(member.name);
  return names;
}

}  // namespace

std::string JoinConfigPath(std::string_view path, std::string_view name) {
  return path.empty() ? std::string(name) : absl::StrCat(path, ".", name);
}

ConfigOrigin JsonReader::OriginOf(size_t offset) const {
  if (call_.has_value()) return *call_;
  ConfigOrigin origin = document_.OriginAt(offset);
  origin.modifier = modifier_;
  return origin;
}

void JsonReader::Fail(size_t offset, const std::string& path, std::string expected,
                      std::string got, std::string nearest, std::string hint, std::string doc) {
  const ConfigOrigin origin = OriginOf(offset);
  errors_.Add({*origin.source, origin.line, origin.column, path, std::move(expected),
               std::move(got), std::move(nearest), std::move(hint), std::move(doc)});
}

bool IsFileWord(std::string_view name) {
  return name == "extends" || name == "modifiers" || name == "parameters" || name == "$schema";
}

std::unique_ptr<ConfigNode> JsonReader::ReadRoot(const JsonValue& value,
                                                 std::string_view default_type) {
  FieldInfo slot;
  slot.default_type = std::string(default_type);
  if (value.kind != Kind::kObject) {
    Fail(value.offset, "", "a JSON object", Describe(value));
    return nullptr;
  }
  return ReadNode(value, slot, "");
}

void JsonReader::ReadOver(const JsonValue& value, ConfigNode& root) {
  if (value.kind != Kind::kObject) {
    Fail(value.offset, "", "a JSON object", Describe(value));
    return;
  }
  const JsonValue* type = FindMember(value, "type");
  if (type != nullptr && (type->kind != Kind::kText ||
                          registry_.Find(type->text) != &root.info())) {
    Fail(type->offset, "type", absl::StrCat(root.type(), ", the type of the config it extends"),
         Describe(*type));
    return;
  }
  overlays_ = true;
  ReadMembers(value, "", root);
}

bool JsonReader::Changes(const JsonValue& value, const ConfigNode::Slot& slot) const {
  if (!overlays_ || value.kind != Kind::kObject || slot.children.size() != 1) return false;
  const JsonValue* type = FindMember(value, "type");
  if (type == nullptr) return true;
  return type->kind == Kind::kText &&
         registry_.Find(type->text) == &slot.children.front()->info();
}

// `slot` without a role takes every type.
const TypeInfo* JsonReader::ReadType(const JsonValue& value, const FieldInfo& slot,
                                     const std::string& path) {
  const JsonValue* named = value.kind == Kind::kText ? &value : nullptr;
  for (const JsonMember& member : value.members) {
    if (member.name == "type" && named == nullptr) named = &member.value;
  }
  const std::string expected =
      slot.role.empty() ? "the name of a type"
                        : absl::StrCat("a type with the role ", slot.role, " (",
                                       absl::StrJoin(registry_.Names(slot.role), ", "), ")");
  const std::string where = value.kind == Kind::kText ? path : JoinConfigPath(path, "type");
  if (named == nullptr) {
    const std::string& usual = slot.default_type.empty() ? slot.usual_type : slot.default_type;
    const TypeInfo* info = registry_.Find(usual);
    if (info == nullptr) Fail(value.offset, where, expected, "nothing");
    return info;
  }
  if (named->kind != Kind::kText) {
    Fail(named->offset, where, expected, Describe(*named));
    return nullptr;
  }
  const TypeInfo* info = registry_.Find(named->text);
  if (info == nullptr) {
    Fail(named->offset, where, expected, Quoted(named->text),
         MeantName(named->text, registry_.Names(slot.role)));
    return nullptr;
  }
  if (!slot.role.empty() && !info->HasRole(slot.role)) {
    Fail(named->offset, where, expected,
         absl::StrCat("'", info->name, "', whose role is ", absl::StrJoin(info->roles, ", ")));
    return nullptr;
  }
  return info;
}

std::unique_ptr<ConfigNode> JsonReader::ReadNode(const JsonValue& value, const FieldInfo& slot,
                                                 const std::string& path) {
  if (value.kind != Kind::kObject && value.kind != Kind::kText) {
    Fail(value.offset, path,
         absl::StrCat("an object or the name of a type with the role ", slot.role),
         Describe(value), "", "", slot.doc);
    return nullptr;
  }
  const TypeInfo* info = ReadType(value, slot, path);
  if (info == nullptr) return nullptr;
  auto node = std::make_unique<ConfigNode>(info);
  node->set_origin(OriginOf(value.offset));
  ReadMembers(value, path, *node);
  return node;
}

const FieldInfo* JsonReader::FieldOf(const JsonMember& member, const TypeInfo& type,
                                     const std::string& path) {
  const std::string where = JoinConfigPath(path, member.name.substr(0, 80));
  if (const FieldInfo* field = type.Find(member.name)) return field;
  if (IsFileWord(member.name)) {
    Fail(member.offset, where, absl::StrCat("a field of ", type.name),
         absl::StrCat("'", member.name, "'"), "", "the word belongs at the top of a config");
    return nullptr;
  }
  const std::string nearest = MeantName(member.name, type.FieldNames());
  std::string hint;
  if (nearest.empty()) {
    const std::string owners = registry_.TypesWithField(member.name);
    if (!owners.empty()) hint = absl::StrCat("it is a field of ", owners);
  }
  const std::vector<std::string> names = type.FieldNames();
  Fail(member.offset, where,
       names.empty() ? absl::StrCat("no fields in a ", type.name)
                     : absl::StrCat("a field of ", type.name, " (", absl::StrJoin(names, ", "),
                                    ")"),
       Quoted(member.name), nearest, hint);
  return nullptr;
}

void JsonReader::ReadMembers(const JsonValue& value, const std::string& path, ConfigNode& node) {
  std::map<std::string_view, const JsonMember*> seen;
  for (const JsonMember& member : value.members) {
    if (errors_.full()) return;
    if (path.empty() && IsFileWord(member.name)) continue;
    const bool is_type = member.name == "type";
    ConfigNode& owner = overlays_ ? node.OwnerOf(member.name) : node;
    const FieldInfo* field = is_type ? nullptr : FieldOf(member, owner.info(), path);
    if (field == nullptr && !is_type) continue;
    const std::string_view name = is_type ? std::string_view("type") : field->name;
    const auto [first, is_new] = seen.try_emplace(name, &member);
    const std::string where = JoinConfigPath(path, name);
    if (!is_new) {
      Fail(member.offset, where, "a field only once", "it twice", "",
           absl::StrCat("it was first given at ", OriginOf(first->second->offset).ToText()));
      continue;
    }
    if (is_type) continue;
    const size_t index = static_cast<size_t>(field - owner.info().fields.data());
    if (field->kind == FieldKind::kSlot) {
      ReadSlot(member.value, *field, where, owner.slot(index));
      continue;
    }
    std::optional<ConfigValue> read = ReadValue(member.value, *field, where);
    if (!read.has_value() || read->empty()) continue;
    owner.field(index) = {FieldState::kSet, *std::move(read),
                           member.value.given != nullptr ? *member.value.given
                                                        : OriginOf(member.value.offset)};
  }
}

void JsonReader::ReadSlot(const JsonValue& value, const FieldInfo& field, const std::string& path,
                          ConfigNode::Slot& slot) {
  if (!field.is_list && Changes(value, slot)) {
    slot.state = FieldState::kSet;
    ReadMembers(value, path, *slot.children.front());
    return;
  }
  std::vector<std::unique_ptr<ConfigNode>> children;
  if (value.kind == Kind::kNull && !field.is_list) {
    if (!field.is_optional) {
      Fail(value.offset, path, absl::StrCat("a type with the role ", field.role), "null", "",
           "this slot cannot be empty", field.doc);
      return;
    }
  } else if (value.kind == Kind::kList && field.is_list) {
    for (size_t i = 0; i < value.items.size(); ++i) {
      auto node = ReadNode(value.items[i], field, absl::StrCat(path, "[", i, "]"));
      if (node == nullptr) return;
      children.push_back(std::move(node));
    }
  } else {
    auto node = ReadNode(value, field, path);
    if (node == nullptr) return;
    children.push_back(std::move(node));
  }
  slot.state = FieldState::kSet;
  slot.origin = OriginOf(value.offset);
  slot.children = std::move(children);
}

std::optional<ConfigValue> JsonReader::ReadValue(const JsonValue& value, const FieldInfo& field,
                                                 const std::string& path) {
  if (!field.is_list) return ReadElement(value, field, path);
  ConfigValue::List list;
  if (value.kind != Kind::kList) {
    // One item may stand for a list of one.
    std::optional<ConfigValue> item = ReadElement(value, field, path);
    if (!item.has_value()) return std::nullopt;
    list.push_back(*std::move(item));
    return ConfigValue(std::move(list));
  }
  bool all_fit = true;
  for (size_t i = 0; i < value.items.size(); ++i) {
    std::optional<ConfigValue> item =
        ReadElement(value.items[i], field, absl::StrCat(path, "[", i, "]"));
    all_fit = all_fit && item.has_value();
    if (all_fit) list.push_back(*std::move(item));
    if (errors_.full()) return std::nullopt;
  }
  if (!all_fit) return std::nullopt;
  return ConfigValue(std::move(list));
}

std::optional<ConfigValue> JsonReader::ReadElement(const JsonValue& value, const FieldInfo& field,
                                                   const std::string& path) {
  if (value.kind == Kind::kNull && field.is_optional && !field.is_list) return ConfigValue();
  if (field.kind == FieldKind::kTable && value.kind == Kind::kObject) {
    return ReadTable(value, *field.table, path);
  }
  FieldInfo element = field;
  element.is_list = false;
  std::string expected = element.Expected();
  std::optional<ConfigValue> typed = Typed(value, field);
  if (!typed.has_value()) {
    std::string nearest, hint;
    if (value.kind == Kind::kText && field.kind == FieldKind::kBool) {
      nearest = MeantName(value.text, {"true", "false"});
    } else if (value.kind == Kind::kText && element.kind != FieldKind::kText) {
      double number = 0;
      if (absl::SimpleAtod(value.text, &number)) hint = "write the number without quotes";
    }
    Fail(value.offset, path, expected, Describe(value), nearest, hint, field.doc);
    return std::nullopt;
  }
  const std::string wrong = FitElement(field, *typed);
  if (wrong.empty()) return typed;
  std::string nearest;
  if (value.kind == Kind::kText) {
    nearest = MeantName(value.text,
                          field.kind == FieldKind::kEnum ? MemberNames(field) : field.choices);
  }
  Fail(value.offset, path, expected, value.kind == Kind::kNumber ? Describe(value) : wrong,
       nearest, "", field.doc);
  return std::nullopt;
}

std::optional<ConfigValue> JsonReader::ReadTable(const JsonValue& value, const TypeInfo& table,
                                                 const std::string& path) {
  std::vector<const JsonMember*> given(table.fields.size(), nullptr);
  bool all_fit = true;
  for (const JsonMember& member : value.members) {
    const FieldInfo* field = FieldOf(member, table, path);
    if (field == nullptr) {
      all_fit = false;
      continue;
    }
    const JsonMember*& entry = given[static_cast<size_t>(field - table.fields.data())];
    if (entry != nullptr) {
      Fail(member.offset, JoinConfigPath(path, field->name), "a field only once", "it twice", "",
           absl::StrCat("it was first given at ", OriginOf(entry->offset).ToText()));
      all_fit = false;
      continue;
    }
    entry = &member;
  }
  ConfigValue::Table entries;
  for (size_t i = 0; i < given.size(); ++i) {
    if (given[i] == nullptr) continue;
    const FieldInfo& field = table.fields[i];
    std::optional<ConfigValue> read =
        ReadValue(given[i]->value, field, JoinConfigPath(path, field.name));
    if (!read.has_value()) {
      all_fit = false;
    } else if (!read->empty()) {
      entries.emplace_back(field.name, *std::move(read));
    }
  }
  if (!all_fit) return std::nullopt;
  return ConfigValue(std::move(entries));
}

}  // namespace tessera
