#include "cpp/cli/config_file.h"

#include <cstdio>
#include <filesystem>
#include <string>
#include <string_view>

#include "cpp/cli/json.h"
#include "cpp/cli/text.h"
#include "cpp/cli/text_file.h"

namespace tessera::cli {
namespace {

constexpr size_t kMostBytes = 8 << 20;   // what the library takes as a config

// Text of a file, or `word` itself when it is JSON; `name` is what errors call it.
Error TextOf(std::string_view flag, const std::string& word, std::string* name,
             std::string* text) {
  const size_t start = word.find_first_not_of(" \t\n");
  if (start != std::string::npos && (word[start] == '{' || word[start] == '[')) {
    *name = std::string(flag);
    *text = word;
    return Error();
  }
  *name = word;
  return ReadWholeFile(word, kMostBytes, text);
}

// Settings that a replaced module had and the new one has no place for are not lost silently.
void TellDropped(const std::string& report_text) {
  Json report;
  if (!Json::Parse(report_text, &report)) return;
  for (const Json& modifier : report["modifiers"].items()) {
    for (const Json& dropped : modifier["dropped"].items()) {
      std::fprintf(stderr, "note: %s: %s: dropped %s\n", modifier["origin"].AsText().c_str(),
                   modifier["modifier"].AsText().c_str(), dropped.AsText().c_str());
    }
  }
}

Error ApplyModifiers(const Arguments& arguments, const ConfigUse& use, const Config& config) {
  for (const std::string& word : arguments.Texts("--modify")) {
    std::string name, text, report;
    CLI_RETURN_IF_ERROR(TextOf("--modify", word, &name, &text));
    CLI_RETURN_IF_ERROR(CallText(&report, tsr_config_modify, config.get(), text.data(),
                                 text.size(), name.data(), name.size()));
    if (use.tells) TellDropped(report);
  }
  return Error();
}

// The experiment of a checkpoint, as a new one that starts with its parameters.
Error LoadConfigOf(const Runtime& runtime, const std::string& path, Config* out) {
  std::string text;
  CLI_RETURN_IF_ERROR(
      CallText(&text, tsr_checkpoint_inspect, path.data(), path.size(), int32_t{0}));
  Json inspection;
  if (!Json::Parse(text, &inspection)) {
    return Error("tsr_checkpoint_inspect: no JSON", TSR_INTERNAL);
  }
  if (!inspection["config"].is_object()) {
    return Error(path + ": expected a checkpoint with a config, got one without");
  }
  Json config = inspection["config"];
  if (config["model"].is_null()) {   // of an imported model it is that model's
    config = Json::Object();
    config.Set("model", inspection["config"]);
  }
  text = config.ToText();
  CLI_RETURN_IF_ERROR(CallHandle(out, tsr_config_parse, runtime.get(), text.data(), text.size(),
                                 path.data(), path.size()));
  const std::string found = inspection["path"].AsText();
  return SetField(*out, "trainer.init_from", Json::Text(found.empty() ? path : found).ToText());
}

Error ApplyFlags(const Arguments& arguments, const ConfigUse& use, const Config& config) {
  CLI_RETURN_IF_ERROR(ApplyModifiers(arguments, use, config));
  for (const std::string& change : arguments.Texts("--set")) {
    const size_t equals = change.find('=');
    if (equals == std::string::npos || equals == 0) {
      return Error("--set: expected path=value, such as trainer.steps=100, got '" + change + "'");
    }
    CLI_RETURN_IF_ERROR(
        SetField(config, change.substr(0, equals), std::string_view(change).substr(equals + 1)));
  }
  if (use.steps >= 0) {
    CLI_RETURN_IF_ERROR(SetField(config, "trainer.steps", std::to_string(use.steps)));
  }
  for (const auto& [path, value] : use.fields) {
    CLI_RETURN_IF_ERROR(SetField(config, path, value));
  }
  return Error();
}

}  // namespace

Positional ConfigPositional() {
  return {"CONFIG", "the config file, JSON; or a checkpoint, with whose parameters a run starts"};
}

std::vector<Flag> ConfigFlags(std::vector<Flag> more) {
  std::vector<Flag> flags = {
      {"--set", "path=value", "changes a field, such as trainer.steps=100", true},
      {"--modify", "FILE", "applies the modifiers of a file, or those given as JSON; before --set",
       true},
      {"--hardware", "FILE",
       "what modifiers with `when` ask, a Hardware as JSON; else this machine"},
  };
  for (Flag& flag : more) flags.push_back(flag);
  return flags;
}

Error OpenConfigFile(const Arguments& arguments, const ConfigUse& use, ConfigFile* out,
                     Config* before) {
  const std::string path = arguments.Word(0);
  RuntimeWish wish;
  std::string name;
  if (arguments.Has("--hardware")) {
    CLI_RETURN_IF_ERROR(TextOf("--hardware", arguments.Text("--hardware"), &name, &wish.hardware));
  }
  CLI_RETURN_IF_ERROR(ReadEnvironment(&out->environment));
  CLI_RETURN_IF_ERROR(NewSmallRuntime(&out->runtime, wish.hardware));
  CLI_RETURN_IF_ERROR(LoadConfig(out->runtime, path, &out->config));
  if (before != nullptr) CLI_RETURN_IF_ERROR(LoadConfig(out->runtime, path, before));
  CLI_RETURN_IF_ERROR(ApplyFlags(arguments, use, out->config));
  if (!use.computes) return Error();

  // All that is wrong with the config is said before threads start and ranks meet.
  std::string resolved;
  CLI_RETURN_IF_ERROR(CallText(&resolved, tsr_config_resolve, out->config.get(), 1));
  double threads = 0;
  double spin_us = 0;
  wish.joins_ranks = true;
  CLI_RETURN_IF_ERROR(GetNumber(out->config, "runtime.threads", &threads));
  CLI_RETURN_IF_ERROR(GetNumber(out->config, "runtime.spin_us", &spin_us));
  CLI_RETURN_IF_ERROR(GetNumber(out->config, "parallel.timeout_s", &wish.timeout_s));
  wish.threads = static_cast<int64_t>(threads);
  wish.spin_us = static_cast<int64_t>(spin_us);
  // A config belongs to its runtime, so the one for the work reads the file again.
  Config config;
  Runtime runtime;
  CLI_RETURN_IF_ERROR(NewRuntime(out->environment, wish, &runtime));
  CLI_RETURN_IF_ERROR(LoadConfig(runtime, path, &config));
  ConfigUse silent = use;   // it was told above
  silent.tells = false;
  CLI_RETURN_IF_ERROR(ApplyFlags(arguments, silent, config));
  out->config = std::move(config);
  out->runtime = std::move(runtime);
  return Error();
}

Error LoadConfig(const Runtime& runtime, const std::string& path, Config* out) {
  std::error_code none;
  if (std::filesystem::is_directory(path, none)) return LoadConfigOf(runtime, path, out);
  return CallHandle(out, tsr_config_load, runtime.get(), path.data(), path.size());
}

Error SetField(const Config& config, std::string_view path, std::string_view value) {
  return Error::Take(
      tsr_config_set(config.get(), path.data(), path.size(), value.data(), value.size()));
}

Error GetNumber(const Config& config, std::string_view path, double* out) {
  std::string text;
  CLI_RETURN_IF_ERROR(CallText(&text, tsr_config_get, config.get(), path.data(), path.size()));
  Json value;
  if (!Json::Parse(text, &value) || !value.is_number()) {
    return Error(std::string(path) + ": expected a number, got '" + text + "'", TSR_INTERNAL);
  }
  *out = value.AsNumber();
  return Error();
}

}  // namespace tessera::cli
