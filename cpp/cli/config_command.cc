// `tessera config`: a config with every field and where its value came from.
#include <algorithm>
#include <cstdio>
#include <string>

#include "cpp/cli/arguments.h"
#include "cpp/cli/commands.h"
#include "cpp/cli/config_file.h"
#include "cpp/cli/handles.h"
#include "cpp/cli/json.h"

namespace tessera::cli {
namespace {

// "path: a -> b" as {"path", "a", "b"}.
Json DifferencesJson(const std::string& text) {
  Json list = Json::List();
  size_t begin = 0;
  while (begin < text.size()) {
    const size_t end = std::min(text.find('\n', begin), text.size());
    const std::string line = text.substr(begin, end - begin);
    begin = end + 1;
    const size_t colon = line.find(": ");
    const size_t arrow = line.find(" -> ", colon == std::string::npos ? 0 : colon);
    if (colon == std::string::npos || arrow == std::string::npos) continue;
    Json difference = Json::Object();
    difference.Set("path", Json::Text(line.substr(0, colon)));
    difference.Set("a", Json::Text(line.substr(colon + 2, arrow - colon - 2)));
    difference.Set("b", Json::Text(line.substr(arrow + 4)));
    list.Add(std::move(difference));
  }
  return list;
}

Error PrintDifferences(const ConfigFile& file, const std::string& other_path, bool as_json) {
  Config other;
  CLI_RETURN_IF_ERROR(LoadConfig(file.runtime, other_path, &other));
  std::string text;
  CLI_RETURN_IF_ERROR(
      CallText(&text, tsr_config_diff, static_cast<const tsr_config*>(file.config.get()),
               static_cast<const tsr_config*>(other.get())));
  if (as_json) {
    Json all = Json::Object();
    all.Set("differences", DifferencesJson(text));
    text = all.ToIndentedText();
  } else if (!text.empty() && text.back() != '\n') {
    text += '\n';
  }
  std::fputs(text.c_str(), stdout);
  return Error();
}

Error PrintConfig(const Arguments& arguments) {
  ConfigFile file;
  CLI_RETURN_IF_ERROR(OpenConfigFile(arguments, {}, &file));
  const bool as_json = arguments.Has("--json");
  if (arguments.Has("--diff")) return PrintDifferences(file, arguments.Text("--diff"), as_json);
  std::string text;
  CLI_RETURN_IF_ERROR(CallText(&text, tsr_config_resolve, file.config.get(), as_json ? 1 : 0));
  if (text.empty() || text.back() != '\n') text += '\n';
  std::fputs(text.c_str(), stdout);
  return Error();
}

}  // namespace

Command ConfigCommand() {
  Command command;
  command.name = "config";
  command.summary = "prints a config with every field, and where each value came from";
  command.positionals = {ConfigPositional()};
  command.flags = ConfigFlags({
      {"--diff", "OTHER", "print where the config OTHER differs instead"},
      {"--json", "", "as JSON"},
  });
  command.examples = {
      "tessera config samples/text/gpt.json --set model.decoder.num_layers=8",
      "tessera config samples/text/gpt.json --diff samples/bench/dense.json",
  };
  command.run = &PrintConfig;
  return command;
}

}  // namespace tessera::cli
