// `tessera graph`: what a training step is made of, without allocating its weights.
#include <cstdio>
#include <string>

#include "cpp/cli/arguments.h"
#include "cpp/cli/commands.h"
#include "cpp/cli/config_file.h"
#include "cpp/cli/handles.h"
#include "cpp/cli/json.h"
#include "cpp/cli/table.h"
#include "cpp/cli/text.h"

namespace tessera::cli {
namespace {

constexpr double kReadableFrom = 10000;  // smaller counts are printed as they are

// "parameters count" and so on, one line a number; units by the end of the name.
void AddNumbers(const std::string& prefix, const Json& json, Table& table) {
  for (const auto& [name, value] : json.members()) {
    const std::string path = prefix.empty() ? name : prefix + " " + name;
    if (value.is_object()) {
      AddNumbers(path, value, table);
    } else if (value.is_text() && !prefix.empty()) {
      table.AddRow({path, value.AsText()});
    } else if (value.is_number()) {
      const double number = value.AsNumber();
      const bool is_bytes = path.find("bytes") != std::string::npos;
      const bool is_small = !is_bytes && number < kReadableFrom;
      table.AddRow({path, is_bytes   ? ReadableBytes(number)
                          : is_small ? value.ToCell()
                                     : ReadableCount(number)});
    }
  }
}

std::string OpsText(const Json& ops) {
  Table table({"op", ">uses", ">flops", ">bytes"});
  for (const Json& op : ops.items()) {
    table.AddRow({op["op"].ToCell(), op["uses"].ToCell(), ReadableCount(op["flops"].AsNumber()),
                  ReadableBytes(op["bytes"].AsNumber())});
  }
  return table.ToText();
}

Error PrintGraph(const Arguments& arguments) {
  ConfigFile file;
  CLI_RETURN_IF_ERROR(OpenConfigFile(arguments, {}, &file));
  const bool as_dot = arguments.Has("--dot");
  const bool as_json = arguments.Has("--json");
  if (as_dot && as_json) return Error("--dot: expected without --json, got both");
  Json options = Json::Object();
  options.Set("text", Json::Bool(arguments.Has("--text")));
  options.Set("dot", Json::Bool(as_dot));
  const std::string option_text = options.ToText();
  std::string text;
  CLI_RETURN_IF_ERROR(CallText(&text, tsr_config_plan,
                               static_cast<const tsr_config*>(file.config.get()),
                               option_text.data(), option_text.size()));
  Json plan;
  if (!Json::Parse(text, &plan)) return Error("tsr_config_plan: no JSON", TSR_INTERNAL);
  if (as_json) {
    text = plan.ToIndentedText();
  } else if (as_dot) {
    text = plan["dot"].AsText();
  } else {
    Table numbers({"", ">"});
    AddNumbers("", plan, numbers);
    text = numbers.ToText().substr(1) + "\n" + OpsText(plan["ops"]);
    if (arguments.Has("--text")) text += "\n" + plan["text"].AsText();
  }
  if (text.empty() || text.back() != '\n') text += '\n';
  std::fputs(text.c_str(), stdout);
  return Error();
}

}  // namespace

Command GraphCommand() {
  Command command;
  command.name = "graph";
  command.summary = "prints what a training step is made of: parameters, flops, memory plan, ops";
  command.details =
      "Weights are not allocated, so models far beyond this machine can be looked at.\n";
  command.positionals = {ConfigPositional()};
  command.flags = ConfigFlags({
      {"--text", "", "also print the program, op by op"},
      {"--dot", "", "print the schedule as a Graphviz graph instead"},
      {"--json", "", "as JSON"},
  });
  command.examples = {"tessera graph samples/text/gpt.json",
                      "tessera graph samples/text/gpt.json --dot | dot -Tsvg > gpt.svg"};
  command.run = &PrintGraph;
  return command;
}

}  // namespace tessera::cli
