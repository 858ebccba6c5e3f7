// Writes plain C++ structs for config types from their binary schemas.
//
//   gen_config_structs BINARY_SCHEMA_FOLDER OUT_FOLDER NAME...
//
// NAME is a schema's path without suffix ("modules/attention"); its table is the name in CamelCase.
// OUT_FOLDER gets attention.h for each and one enums.h for all enums. Files that would not change
// are not touched. cpp/config/README.md describes what the headers hold.
#include <cstdio>
#include <fstream>
#include <map>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "flatbuffers/reflection_generated.h"

namespace {

std::string Camel(const std::string& name) {
  std::string camel;
  bool upper = true;
  for (const char c : name) {
    if (c == '_') {
      upper = true;
    } else {
      camel += upper ? static_cast<char>(c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c) : c;
      upper = false;
    }
  }
  return camel;
}

std::string Snake(const std::string& name) {
  std::string snake;
  for (const char c : name) {
    const bool upper = c >= 'A' && c <= 'Z';
    if (upper && !snake.empty()) snake += '_';
    snake += upper ? static_cast<char>(c - 'A' + 'a') : c;
  }
  return snake;
}

std::string Short(const flatbuffers::String* full) {
  const std::string name = full->str();
  return name.substr(name.rfind('.') + 1);
}

std::string Read(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  std::stringstream text;
  text << in.rdbuf();
  return in ? text.str() : "";
}

bool WriteIfChanged(const std::string& path, const std::string& text) {
  if (Read(path) == text) return true;
  std::ofstream out(path, std::ios::binary);
  out << text;
  return static_cast<bool>(out);
}

using Doc = const flatbuffers::Vector<flatbuffers::Offset<flatbuffers::String>>*;

std::string Comment(Doc doc, const std::string& indent) {
  std::string text;
  if (doc != nullptr) {
    for (const flatbuffers::String* line : *doc) text += indent + "//" + line->str() + "\n";
  }
  return text;
}

std::string Attribute(const reflection::Field& field, const char* name) {
  if (field.attributes() == nullptr) return "";
  const reflection::KeyValue* found = field.attributes()->LookupByKey(name);
  return found == nullptr || found->value() == nullptr ? "" : found->value()->str();
}

struct Enum {
  std::string doc;
  std::vector<std::pair<std::string, int64_t>> members;
  std::vector<std::string> docs;
};

// One generator for all schemas: enums shared by several are written once.
class Generator {
 public:
  // False, with a message, when the schema has no table of that name.
  bool Add(const std::string& schema_name, const reflection::Schema& schema);
  std::string EnumsHeader() const;
  const std::map<std::string, std::string>& headers() const { return headers_; }

 private:
  const reflection::Enum* EnumOf(const reflection::Schema& schema, const reflection::Field& field);
  std::string ElementType(const reflection::Schema& schema, const reflection::Field& field,
                          std::set<std::string>& includes);
  std::string Header(const reflection::Schema& schema, const reflection::Object& table);

  std::map<std::string, Enum> enums_;
  std::map<std::string, std::string> headers_;   // file stem -> text
};

const reflection::Enum* Generator::EnumOf(const reflection::Schema& schema,
                                          const reflection::Field& field) {
  const reflection::BaseType base =
      field.type()->base_type() == reflection::Vector ? field.type()->element()
                                                      : field.type()->base_type();
  if (field.type()->index() < 0 || base < reflection::Byte || base > reflection::ULong) {
    return nullptr;
  }
  const reflection::Enum* found = schema.enums()->Get(field.type()->index());
  Enum& entry = enums_[Short(found->name())];
  if (entry.members.empty()) {
    entry.doc = Comment(found->documentation(), "");
    for (const reflection::EnumVal* value : *found->values()) {
      entry.members.emplace_back(value->name()->str(), value->value());
      entry.docs.push_back(Comment(value->documentation(), "  "));
    }
  }
  return found;
}

std::string Generator::ElementType(const reflection::Schema& schema,
                                   const reflection::Field& field,
                                   std::set<std::string>& includes) {
  if (const reflection::Enum* found = EnumOf(schema, field)) {
    includes.insert("enums");
    return Short(found->name());
  }
  const reflection::BaseType base =
      field.type()->base_type() == reflection::Vector ? field.type()->element()
                                                      : field.type()->base_type();
  switch (base) {
    case reflection::Bool:
      return "bool";
    case reflection::Float:
    case reflection::Double:
      return "double";
    case reflection::String:
      return "std::string";
    case reflection::Obj: {
      const std::string name = Short(schema.objects()->Get(field.type()->index())->name());
      if (name != "Slot") includes.insert(Snake(name));
      return name == "Slot" ? "" : name + "Config";
    }
    default:
      return "int64_t";
  }
}

std::string Number(double value) {
  char text[64];
  std::snprintf(text, sizeof(text), "%.17g", value);
  double shorter;
  for (int digits = 1; digits < 17; ++digits) {
    char candidate[64];
    std::snprintf(candidate, sizeof(candidate), "%.*g", digits, value);
    std::sscanf(candidate, "%lf", &shorter);
    if (shorter == value) return candidate;
  }
  return text;
}

std::string Initial(const std::string& type, const reflection::Field& field,
                    const reflection::Enum* found) {
  if (field.type()->base_type() == reflection::Vector || field.optional()) return "";
  if (found != nullptr) {
    for (const reflection::EnumVal* value : *found->values()) {
      if (value->value() == field.default_integer()) {
        return " = " + type + "::k" + Camel(value->name()->str());
      }
    }
  }
  if (type == "bool") return field.default_integer() != 0 ? " = true" : " = false";
  if (type == "int64_t") return " = " + std::to_string(field.default_integer());
  if (type == "double") return " = " + Number(field.default_real());
  const std::string text = Attribute(field, "default_text");
  return text.empty() ? "" : " = \"" + text + "\"";
}

std::string Generator::Header(const reflection::Schema& schema, const reflection::Object& table) {
  std::map<uint16_t, const reflection::Field*> fields;
  for (const reflection::Field* field : *table.fields()) fields[field->id()] = field;
  const std::string name = Short(table.name());
  std::set<std::string> includes;
  std::string members, reads;
  for (const auto& [id, field] : fields) {
    const std::string element = ElementType(schema, *field, includes);
    if (element.empty() || field->deprecated()) continue;
    std::string type = element;
    if (field->type()->base_type() == reflection::Vector) type = "std::vector<" + element + ">";
    // A nested table may be absent, a number with the default null; text without a value is "".
    if (field->optional() && type != "std::string" && type.rfind("std::vector", 0) != 0) {
      type = "std::optional<" + type + ">";
    }
    members += Comment(field->documentation(), "  ") + "  " + type + " " + field->name()->str() +
               Initial(type, *field, EnumOf(schema, *field)) + ";\n";
    reads += "  reader.Read(\"" + field->name()->str() + "\", config." + field->name()->str() +
             ");\n";
  }
  std::string text = "// Written by the build from schemas/. Do not edit.\n#pragma once\n\n"
                     "#include <cstdint>\n#include <optional>\n#include <string>\n"
                     "#include <vector>\n\n#include \"absl/status/statusor.h\"\n"
                     "#include \"cpp/config/reader.h\"\n";
  for (const std::string& include : includes) {
    text += "#include \"gen/config/" + include + ".h\"\n";
  }
  const std::string type = name + "Config";
  text += "\nnamespace tessera {\n\n" + Comment(table.documentation(), "") + "struct " + type +
          " {\n" + members + "};\n\n";
  const bool is_node = table.attributes() != nullptr &&
                       table.attributes()->LookupByKey("role") != nullptr;
  if (is_node) {
    text += "// The fields of a resolved node. FAILED_PRECONDITION for another type of node.\n"
            "inline absl::StatusOr<" + type + "> Read" + type + "(const ConfigNode& node) {\n  " +
            type + " config;\n  ConfigReader reader(node, \"" + name + "\");\n" + reads +
            "  if (!reader.status().ok()) return reader.status();\n  return config;\n}\n";
  } else {
    text += "inline bool ConvertConfig(const ConfigValue& value, " + type + "& config) {\n"
            "  ConfigReader reader(value, \"" + name + "\");\n" + reads +
            "  return reader.status().ok();\n}\n";
  }
  return text + "\n}  // namespace tessera\n";
}

bool Generator::Add(const std::string& schema_name, const reflection::Schema& schema) {
  const std::string stem = schema_name.substr(schema_name.rfind('/') + 1);
  const std::string table_name = Camel(stem);
  for (const reflection::Object* table : *schema.objects()) {
    if (Short(table->name()) != table_name) continue;
    if (headers_.count(stem) != 0) {
      std::fprintf(stderr, "gen_config_structs: two schemas are called %s.fbs\n", stem.c_str());
      return false;
    }
    headers_[stem] = Header(schema, *table);
    return true;
  }
  std::fprintf(stderr, "gen_config_structs: schemas/%s.fbs: expected a table %s, found none\n",
               schema_name.c_str(), table_name.c_str());
  return false;
}

std::string Generator::EnumsHeader() const {
  std::string text = "// Written by the build from schemas/. Do not edit.\n#pragma once\n\n"
                     "#include <string_view>\n\n#include \"cpp/config/value.h\"\n\n"
                     "namespace tessera {\n";
  for (const auto& [name, entry] : enums_) {
    std::string cases, tests;
    text += "\n" + entry.doc + "enum class " + name + " {\n";
    for (size_t i = 0; i < entry.members.size(); ++i) {
      const std::string member = "k" + Camel(entry.members[i].first);
      text += entry.docs[i] + "  " + member + " = " + std::to_string(entry.members[i].second) +
              ",\n";
      cases += "    case " + name + "::" + member + ":\n      return \"" +
               entry.members[i].first + "\";\n";
      tests += "  if (*text == \"" + entry.members[i].first + "\") return out = " + name +
               "::" + member + ", true;\n";
    }
    text += "};\n\n// The name in configs.\nconstexpr std::string_view Name(" + name +
            " value) {\n  switch (value) {\n" + cases + "  }\n  return \"\";\n}\n\n" +
            "inline bool ConvertConfig(const ConfigValue& value, " + name + "& out) {\n" +
            "  const std::string* text = value.AsText();\n  if (text == nullptr) return false;\n" +
            tests + "  return false;\n}\n";
  }
  return text + "\n}  // namespace tessera\n";
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 4) {
    std::fprintf(stderr, "usage: gen_config_structs BINARY_SCHEMA_FOLDER OUT_FOLDER NAME...\n");
    return 2;
  }
  const std::string in = argv[1], out = argv[2];
  Generator generator;
  for (int i = 3; i < argc; ++i) {
    const std::string path = in + "/" + argv[i] + ".bfbs";
    const std::string bytes = Read(path);
    flatbuffers::Verifier verifier(reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size());
    if (bytes.empty() || !reflection::VerifySchemaBuffer(verifier)) {
      std::fprintf(stderr, "gen_config_structs: %s is not a binary schema\n", path.c_str());
      return 1;
    }
    if (!generator.Add(argv[i], *reflection::GetSchema(bytes.data()))) return 1;
  }
  for (const auto& [stem, text] : generator.headers()) {
    if (!WriteIfChanged(out + "/" + stem + ".h", text)) {
      std::fprintf(stderr, "gen_config_structs: cannot write %s/%s.h\n", out.c_str(), stem.c_str());
      return 1;
    }
  }
  return WriteIfChanged(out + "/enums.h", generator.EnumsHeader()) ? 0 : 1;
}
