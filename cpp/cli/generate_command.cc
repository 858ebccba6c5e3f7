// `tessera generate`: continues a text with a trained model, printed as it comes.
#include <cstdio>
#include <string>

#include "cpp/cli/arguments.h"
#include "cpp/cli/commands.h"
#include "cpp/cli/environment.h"
#include "cpp/cli/handles.h"
#include "cpp/cli/json.h"

namespace tessera::cli {
namespace {

// Stops when nobody reads any more.
int32_t PrintPiece(void*, const char* text, size_t text_len) {
  std::fwrite(text, 1, text_len, stdout);
  return std::fflush(stdout) == 0 ? 0 : 1;
}

Error ReadOptions(const Arguments& arguments, Json* options) {
  int64_t max_tokens = 256;
  int64_t top_k = 0;
  int64_t seed = 0;
  double temperature = 1;
  double top_p = 1;
  CLI_RETURN_IF_ERROR(arguments.Integer("--max-tokens", 0, 1'000'000'000, &max_tokens));
  CLI_RETURN_IF_ERROR(arguments.Integer("--top-k", 0, 1'000'000'000, &top_k));
  CLI_RETURN_IF_ERROR(arguments.Integer("--seed", 0, INT64_MAX, &seed));
  CLI_RETURN_IF_ERROR(arguments.Number("--temperature", 0, 1000, &temperature));
  CLI_RETURN_IF_ERROR(arguments.Number("--top-p", 0, 1, &top_p));
  *options = Json::Object();
  options->Set("max_tokens", Json::Integer(max_tokens));
  options->Set("temperature", Json::Number(temperature));
  options->Set("top_k", Json::Integer(top_k));
  options->Set("top_p", Json::Number(top_p));
  options->Set("seed", Json::Integer(seed));
  return Error();
}

Error Generate(const Arguments& arguments) {
  Json options;
  CLI_RETURN_IF_ERROR(ReadOptions(arguments, &options));
  Environment environment;
  RuntimeWish wish;
  CLI_RETURN_IF_ERROR(ReadEnvironment(&environment));
  CLI_RETURN_IF_ERROR(arguments.Integer("--threads", 0, 4096, &wish.threads));
  Runtime runtime;
  CLI_RETURN_IF_ERROR(NewRuntime(environment, wish, &runtime));

  const std::string path = arguments.Text("--checkpoint");
  const std::string dtype = arguments.Text("--dtype");
  Json load = Json::Object();
  load.Set("dtype", Json::Text(dtype));
  const std::string load_text = load.ToText();
  Generator generator;
  CLI_RETURN_IF_ERROR(CallHandle(&generator, tsr_generator_from_checkpoint, runtime.get(),
                                 path.data(), path.size(), load_text.data(), load_text.size()));

  const bool as_json = arguments.Has("--json");
  const std::string prompt = arguments.Text("--prompt");
  const std::string option_text = options.ToText();
  if (!as_json) PrintPiece(nullptr, prompt.data(), prompt.size());
  std::string text;
  CLI_RETURN_IF_ERROR(CallText(&text, tsr_generator_generate, generator.get(), prompt.data(),
                               prompt.size(), option_text.data(), option_text.size(),
                               as_json ? tsr_generate_callback{nullptr} : &PrintPiece,
                               static_cast<void*>(nullptr)));
  if (as_json) {
    Json all = Json::Object();
    all.Set("prompt", Json::Text(prompt));
    all.Set("text", Json::Text(text));
    std::fputs(all.ToText().c_str(), stdout);
  } else {
    std::fputs("\n", stdout);
  }
  return Error();
}

}  // namespace

Command GenerateCommand() {
  Command command;
  command.name = "generate";
  command.summary = "continues a text with a trained model";
  command.flags = {
      {"--checkpoint", "DIR", "a checkpoint, or a folder of them: then the newest one", false,
       true},
      {"--prompt", "TEXT", "what the text begins with"},
      {"--max-tokens", "N", "length of the continuation, default 256"},
      {"--temperature", "X", "0: always the likeliest token; default 1"},
      {"--top-k", "N", "choose among the N likeliest tokens only; 0: among all"},
      {"--top-p", "X", "choose among the fewest tokens that reach this probability; default 1"},
      {"--seed", "N", "of the random choices, default 0"},
      {"--dtype", "TYPE", "fp32, bf16 or fp64; default: as trained"},
      {"--threads", "N", "default: all the process may use"},
      {"--json", "", "as JSON, at the end"},
  };
  command.examples = {
      "tessera generate --checkpoint out/gpt/checkpoints --prompt \"def \" --temperature 0.8"};
  command.run = &Generate;
  return command;
}

}  // namespace tessera::cli
