// `tessera config`: a config with every field and where its value came from.
#include <algorithm>
#include <cstdio>
#include <map>
#include <string>
#include <utility>

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

// Every value of a resolved config by its path, as JSON on one line.
void Flatten(const Json& value, const std::string& path, std::map<std::string, std::string>* out) {
  if (!value.is_object()) {
    std::string text = value.ToText();
    text.erase(text.find_last_not_of('\n') + 1);
    (*out)[path] = std::move(text);
    return;
  }
  for (const auto& [name, member] : value.members()) {
    const std::string below = path.empty() ? std::string(name) : path + "." + name;
    const bool is_nodes = member.is_list() && !member.items().empty() &&
                          member.items().front().Find("type") != nullptr;
    for (size_t i = 0; is_nodes && i < member.items().size(); ++i) {
      Flatten(member.items()[i], below + "[" + std::to_string(i) + "]", out);
    }
    if (!is_nodes) Flatten(member, below, out);
  }
}

// Who is behind the value at a path: the origin of it, or of what it stands in.
std::string OriginOf(const Json& origins, std::string path) {
  if (path.size() > 5 && path.compare(path.size() - 5, 5, ".type") == 0) {
    path.resize(path.size() - 5);
  }
  for (;;) {
    const Json* origin = origins.Find(path);
    if (origin != nullptr) return origin->AsText();
    const size_t end = path.find_last_of(".[");
    if (end == std::string::npos) return "";
    path.resize(end);
  }
}

// Is it the origin of a value that nobody gave?
bool IsOfItself(const std::string& origin) {
  return origin.empty() || origin == "default" || origin.compare(0, 5, "from ") == 0;
}

Error Resolved(const Config& config, Json* origins, std::map<std::string, std::string>* values) {
  std::string text;
  CLI_RETURN_IF_ERROR(CallText(&text, tsr_config_resolve, config.get(), 1));
  Json resolved;
  if (!Json::Parse(text, &resolved)) return Error("tsr_config_resolve: no JSON", TSR_INTERNAL);
  Flatten(resolved["config"], "", values);
  *origins = resolved["origins"];
  return Error();
}

// What --modify and --set changed, and where each change was said.
Error PrintChanges(const ConfigFile& file, const Config& before, bool as_json) {
  Json old_origins, origins;
  std::map<std::string, std::string> old_values, values;
  CLI_RETURN_IF_ERROR(Resolved(before, &old_origins, &old_values));
  CLI_RETURN_IF_ERROR(Resolved(file.config, &origins, &values));
  std::map<std::string, std::pair<std::string, std::string>> changes;
  for (const auto& [path, value] : old_values) changes[path] = {value, "-"};
  for (const auto& [path, value] : values) {
    changes.try_emplace(path, "-", "").first->second.second = value;
  }
  Json list = Json::List();
  size_t left_out = 0;
  for (const auto& [path, change] : changes) {
    if (change.first == change.second) continue;
    const std::string by = OriginOf(origins, path);
    // For people, what follows from what was said (defaults, dims) is left out.
    const bool follows = IsOfItself(change.second == "-" ? OriginOf(old_origins, path) : by);
    if (!as_json && follows) {
      ++left_out;
      continue;
    }
    if (!as_json) {
      std::printf("%s: %s -> %s  // %s\n", path.c_str(), change.first.c_str(),
                  change.second.c_str(), by.c_str());
      continue;
    }
    Json difference = Json::Object();
    difference.Set("path", Json::Text(path));
    difference.Set("a", Json::Text(change.first));
    difference.Set("b", Json::Text(change.second));
    difference.Set("by", Json::Text(by));
    list.Add(std::move(difference));
  }
  if (left_out > 0) {
    std::printf("and %zu values that follow from these: defaults and dims (--json has them)\n",
                left_out);
  }
  if (!as_json) return Error();
  Json all = Json::Object();
  all.Set("differences", std::move(list));
  std::fputs(all.ToIndentedText().c_str(), stdout);
  return Error();
}

Error PrintConfig(const Arguments& arguments) {
  ConfigFile file;
  Config before;
  CLI_RETURN_IF_ERROR(OpenConfigFile(arguments, {}, &file, &before));
  const bool as_json = arguments.Has("--json");
  if (arguments.Has("--diff")) {
    const std::string other = arguments.Text("--diff");
    return other.empty() ? PrintChanges(file, before, as_json)
                         : PrintDifferences(file, other, as_json);
  }
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
      {"--diff", "OTHER",
       "print where the config OTHER differs instead; alone: what --modify and --set changed, and "
       "who",
       false, false, true},
      {"--json", "", "as JSON"},
  });
  command.examples = {
      "tessera config samples/text/gpt.json --set model.decoder.num_layers=8",
      "tessera config samples/text/gpt.json --diff samples/bench/dense.json",
      "tessera config samples/text/gpt.json --modify samples/recipes/moe.json --diff",
  };
  command.run = &PrintConfig;
  return command;
}

}  // namespace tessera::cli
