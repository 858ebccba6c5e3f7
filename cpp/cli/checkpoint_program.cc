#include "cpp/cli/checkpoint_program.h"

#include <utility>

#include "cpp/cli/environment.h"

namespace tessera::cli {

namespace {

// The list `described` of tensors, whose names stand under `key`.
Error ReadEntries(const Json& described, std::string_view key,
                  std::vector<SafetensorsEntry>* entries) {
  for (const Json& parameter : described.items()) {
    SafetensorsEntry entry;
    entry.name = parameter[key].AsText();
    if (!DTypeFromName(parameter["dtype"].AsText(), &entry.dtype)) {
      return Error(entry.name + ": dtype '" + parameter["dtype"].AsText() + "' is not known",
                   TSR_INTERNAL);
    }
    for (const Json& dim : parameter["dims"].items()) entry.dims.push_back(dim.AsInteger());
    entries->push_back(std::move(entry));
  }
  return Error();
}

}  // namespace

Error OpenCheckpointProgram(const std::string& path, const CheckpointProgramWish& wish,
                            CheckpointProgram* out) {
  Environment environment;
  RuntimeWish runtime;
  runtime.threads = wish.threads;
  CLI_RETURN_IF_ERROR(ReadEnvironment(&environment));
  CLI_RETURN_IF_ERROR(NewRuntime(environment, runtime, &out->runtime));

  std::string text;
  Json inspection;
  CLI_RETURN_IF_ERROR(
      CallText(&text, tsr_checkpoint_inspect, path.data(), path.size(), int32_t{0}));
  if (!Json::Parse(text, &inspection)) {
    return Error("tsr_checkpoint_inspect: no JSON", TSR_INTERNAL);
  }
  out->config = inspection["config"];
  // A folder of checkpoints: the newest one, also if a newer one comes meanwhile.
  const std::string found =
      inspection["path"].AsText().empty() ? path : inspection["path"].AsText();

  Json options = Json::Object();
  options.Set("mode", Json::Text("evaluate"));
  options.Set("gradients", Json::Bool(wish.gradients));
  options.Set("dtype", Json::Text(wish.dtype));
  options.Set("routing", Json::Text(wish.routing));
  const std::string option_text = options.ToText();
  CLI_RETURN_IF_ERROR(CallHandle(&out->program, tsr_program_from_checkpoint, out->runtime.get(),
                                 found.data(), found.size(), option_text.data(),
                                 option_text.size()));
  CLI_RETURN_IF_ERROR(CallText(&text, tsr_program_describe, out->program.get()));
  if (!Json::Parse(text, &out->description)) {
    return Error("tsr_program_describe: no JSON", TSR_INTERNAL);
  }
  CLI_RETURN_IF_ERROR(ReadEntries(out->description["parameters"], "path", &out->parameters));
  return ReadEntries(out->description["original_parameters"], "name", &out->original_parameters);
}

}  // namespace tessera::cli
