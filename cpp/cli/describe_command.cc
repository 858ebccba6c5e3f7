// `tessera describe`: one type of the catalogue, or one op, with the docs of its schema.
#include <cstdio>
#include <string>

#include "cpp/cli/arguments.h"
#include "cpp/cli/commands.h"
#include "cpp/cli/environment.h"
#include "cpp/cli/handles.h"
#include "cpp/cli/json.h"
#include "cpp/cli/text.h"

namespace tessera::cli {
namespace {

constexpr size_t kColumns = 100;

// What a field takes and what it is when nothing is said: "an integer from 1 to 8, default 0".
std::string FieldTerms(const Json& field) {
  std::string terms = field.Find("expected") != nullptr ? field["expected"].ToCell()
                                                        : field["type"].ToCell();
  if (field.Find("role") != nullptr) terms = "slot for a " + field["role"].ToCell();
  const auto add = [&](const std::string& text) { terms += ", " + text; };
  if (field.Find("unit") != nullptr) terms += " (" + field["unit"].ToCell() + ")";
  if (field["required"].AsBool()) add("required");
  if (field["optional"].AsBool()) add("may be null");
  if (field.Find("default") != nullptr) add("default " + field["default"].ToCell());
  if (field.Find("default_type") != nullptr) add("default " + field["default_type"].ToCell());
  if (field.Find("flows") != nullptr) add("given from above (" + field["flows"].ToCell() + ")");
  if (field.Find("inherits") != nullptr) {
    add("unset: as given from above (" + field["inherits"].ToCell() + ")");
  }
  if (field.Find("only_if") != nullptr) add("only if " + field["only_if"].ToCell());
  if (field.Find("follows") != nullptr) add("unset: as " + field["follows"].ToCell());
  if (field.Find("divides") != nullptr) add("divides " + field["divides"].ToCell());
  return terms;
}

std::string FieldsText(const Json& fields, size_t indent) {
  std::string text;
  for (const Json& field : fields.items()) {
    text.append(indent, ' ');
    const std::string line = field["name"].ToCell() + ": " + FieldTerms(field);
    text += Wrapped(line, indent, kColumns).substr(indent);
    text += Wrapped(field["doc"].AsText(), indent + 4, kColumns);
    for (const Json& value : field["values"].items()) {
      text += Wrapped(value["name"].ToCell() + ": " + value["doc"].ToCell(), indent + 6, kColumns);
    }
    if (field.Find("fields") != nullptr) text += FieldsText(field["fields"], indent + 6);
  }
  return text;
}

std::string TypeText(const Json& type) {
  std::string text;
  for (const auto& [name, value] : type.members()) {
    if (name == "fields" || name == "attrs" || value.is_object()) continue;
    if (name == "doc") {
      text += Wrapped(value.AsText(), 2, kColumns);
      continue;
    }
    if (value.is_null() || value.ToCell().empty()) continue;
    const bool is_heading = name == "type" || name == "name" || name == "op";
    text += is_heading && text.empty() ? value.ToCell() + "\n"
                                       : "  " + name + ": " + value.ToCell() + "\n";
  }
  for (const char* list : {"fields", "attrs"}) {
    const Json* fields = type.Find(list);
    if (fields == nullptr || fields->items().empty()) continue;
    text.append("\n").append(list).append("\n").append(FieldsText(*fields, 2));
  }
  if (const Json* example = type.Find("example")) {
    text.append("\nexample\n  ").append(example->ToText());
  }
  return text;
}

Error PrintType(const Arguments& arguments) {
  Runtime runtime;
  CLI_RETURN_IF_ERROR(NewSmallRuntime(&runtime));
  const std::string name = arguments.Word(0);
  std::string text;
  if (arguments.Has("--json-schema")) {
    CLI_RETURN_IF_ERROR(CallText(&text, tsr_runtime_json_schema, runtime.get()));
    Json schema;
    if (!Json::Parse(text, &schema)) return Error("tsr_runtime_json_schema: no JSON", TSR_INTERNAL);
    std::fputs(schema.ToIndentedText().c_str(), stdout);
    return Error();
  }
  if (name.empty()) return Error("expected TYPE, or --json-schema, got nothing");
  CLI_RETURN_IF_ERROR(
      CallText(&text, tsr_runtime_describe_type, runtime.get(), name.data(), name.size()));
  Json type;
  if (!Json::Parse(text, &type)) return Error("tsr_runtime_describe_type: no JSON", TSR_INTERNAL);
  text = arguments.Has("--json") ? type.ToIndentedText() : TypeText(type);
  std::fputs(text.c_str(), stdout);
  return Error();
}

}  // namespace

Command DescribeCommand() {
  Command command;
  command.name = "describe";
  command.summary = "prints the fields of a config type, or the signature of an op, with docs";
  command.positionals = {
      {"TYPE", "a name from `tessera list`, such as Attention or matmul", false}};
  command.flags = {
      {"--json", "", "as JSON"},
      {"--json-schema", "", "instead a JSON Schema of configs and modifiers, for editors"},
  };
  command.examples = {"tessera describe Attention", "tessera describe matmul",
                      "tessera describe --json-schema > tessera.schema.json"};
  command.run = &PrintType;
  return command;
}

}  // namespace tessera::cli
