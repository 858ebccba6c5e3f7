// `tessera import`: a model from elsewhere as a checkpoint.
//
// The import is a job of the library; this thread draws its progress, and turns SIGINT and SIGTERM
// into a cancel, which leaves nothing behind.
#include <cstdio>
#include <string>

#include "cpp/cli/arguments.h"
#include "cpp/cli/commands.h"
#include "cpp/cli/environment.h"
#include "cpp/cli/handles.h"
#include "cpp/cli/job_report.h"
#include "cpp/cli/text.h"

namespace tessera::cli {
namespace {

Error Import(const Arguments& arguments) {
  const std::string source =
      arguments.Has("--gguf") ? arguments.Text("--gguf") : arguments.Word(0);
  if (source.empty() || (arguments.Has("--gguf") && !arguments.Word(0).empty())) {
    return Error("expected MODEL or --gguf FILE, one of the two");
  }
  const std::string out = arguments.Text("--out");
  Environment environment;
  Runtime runtime;
  RuntimeWish wish;
  wish.threads = 1;
  CLI_RETURN_IF_ERROR(ReadEnvironment(&environment));
  CLI_RETURN_IF_ERROR(NewRuntime(environment, wish, &runtime));
  Job job;
  CLI_RETURN_IF_ERROR(CallHandle(&job, tsr_checkpoint_import, runtime.get(), source.data(),
                                 source.size(), out.data(), out.size()));
  Json report;
  CLI_RETURN_IF_ERROR(WaitForExchange("import", job, &report));
  std::printf("%s: %s, %lld tensors, %s\n", out.c_str(), report["family"].AsText().c_str(),
              static_cast<long long>(report["tensors"].AsInteger()),
              ReadableBytes(report["bytes"].AsNumber()).c_str());
  return Error();
}

}  // namespace

Command ImportCommand() {
  Command command;
  command.name = "import";
  command.summary = "reads a model from elsewhere into a checkpoint";
  command.details =
      "Reads config.json and safetensors as the Hugging Face Hub has them. Tensors keep their "
      "dtype and go through memory one at a time. What the model's family does not know is an "
      "error that names it; `tessera eval` and `tessera export` know the tensors under their "
      "original names too.\n";
  command.positionals = {
      {"MODEL", "a folder with config.json and model.safetensors, or a GGUF file", false}};
  command.flags = {{"--gguf", "FILE", "the same as a GGUF file as MODEL"},
                   {"--out", "CHECKPOINT", "checkpoint to write; must not exist", false, true}};
  command.examples = {"tessera import SmolLM2-135M --out out/smollm2"};
  command.run = &Import;
  return command;
}

}  // namespace tessera::cli
