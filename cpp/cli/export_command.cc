// `tessera export`: the model of a checkpoint as files for others.
//
// Usually a Hugging Face folder, which the library writes; with --format tessera the parameters
// under their own paths as one plain safetensors file, with the config. One tensor at a time is in
// memory (beside the program's own in the latter case).
#include <sys/stat.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <limits>
#include <string>
#include <vector>

#include "cpp/cli/arguments.h"
#include "cpp/cli/checkpoint_program.h"
#include "cpp/cli/commands.h"
#include "cpp/cli/environment.h"
#include "cpp/cli/job_report.h"
#include "cpp/cli/safetensors.h"
#include "cpp/cli/text.h"
#include "cpp/cli/text_file.h"

namespace tessera::cli {
namespace {

Error ExportPlain(const Arguments& arguments) {
  const std::string folder = arguments.Text("--out");
  const std::string path = folder + "/model.safetensors";
  struct stat found = {};
  if (stat(path.c_str(), &found) == 0) {
    return Error(path + " exists; remove it or name another folder", TSR_ALREADY_EXISTS);
  }
  CheckpointProgram checkpoint;
  CLI_RETURN_IF_ERROR(OpenCheckpointProgram(arguments.Word(0), {}, &checkpoint));
  if (mkdir(folder.c_str(), 0777) != 0 && errno != EEXIST) {
    return Error(folder + ": " + std::strerror(errno), TSR_NOT_FOUND);
  }
  SafetensorsWriter writer;
  CLI_RETURN_IF_ERROR(writer.Begin(path, checkpoint.parameters, {{"format", "tessera"}}));
  double bytes = 0;
  for (const SafetensorsEntry& parameter : checkpoint.parameters) {
    Tensor tensor;
    CLI_RETURN_IF_ERROR(CallHandle(&tensor, tsr_program_get_param, checkpoint.program.get(),
                                   parameter.name.data(), parameter.name.size()));
    CLI_RETURN_IF_ERROR(
        writer.Append(tsr_tensor_data(tensor.get()), tsr_tensor_bytes(tensor.get())));
    bytes += static_cast<double>(tsr_tensor_bytes(tensor.get()));
  }
  CLI_RETURN_IF_ERROR(WriteWholeFile(folder + "/config.json", checkpoint.config.ToIndentedText()));
  CLI_RETURN_IF_ERROR(writer.Finish());
  std::printf("%s: %zu tensors, %s\n", path.c_str(), checkpoint.parameters.size(),
              ReadableBytes(bytes).c_str());
  return Error();
}

Error ExportHuggingFace(const Arguments& arguments) {
  const std::string path = arguments.Word(0);
  const std::string folder = arguments.Text("--out");
  Runtime runtime;
  CLI_RETURN_IF_ERROR(NewSmallRuntime(&runtime));
  Json options = Json::Object();
  options.Set("family", Json::Text(arguments.Text("--family")));
  int64_t most = int64_t{5} << 30;
  CLI_RETURN_IF_ERROR(
      arguments.Integer("--max-file-bytes", 1, std::numeric_limits<int64_t>::max(), &most));
  options.Set("max_file_bytes", Json::Integer(most));
  const std::string text = options.ToText();
  Job job;
  CLI_RETURN_IF_ERROR(CallHandle(&job, tsr_checkpoint_export, runtime.get(), path.data(),
                                 path.size(), folder.data(), folder.size(), text.data(),
                                 text.size()));
  Json report;
  CLI_RETURN_IF_ERROR(WaitForExchange("export", job, &report));
  std::printf("%s: %s, %lld tensors, %s\n", folder.c_str(), report["family"].AsText().c_str(),
              static_cast<long long>(report["tensors"].AsInteger()),
              ReadableBytes(report["bytes"].AsNumber()).c_str());
  return Error();
}

Error Export(const Arguments& arguments) {
  const std::string format = arguments.Text("--format", "huggingface");
  if (format == "huggingface") return ExportHuggingFace(arguments);
  if (format == "tessera" && !arguments.Has("--family")) return ExportPlain(arguments);
  return Error(format == "tessera" ? "--family: expected --format huggingface, got tessera"
                                   : "--format: expected huggingface or tessera, got '" + format +
                                         "'");
}

}  // namespace

Command ExportCommand() {
  Command command;
  command.name = "export";
  command.summary = "writes the model of a checkpoint for others: a Hugging Face folder";
  command.details =
      "Writes DIR/config.json and DIR/model.safetensors (several files and an index when it is "
      "large). An imported model comes out as it came in; another one in the first family that can "
      "say it, and what a family cannot say is an error. With --format tessera the names are "
      "parameter paths and config.json is Tessera's own.\n";
  command.positionals = {{"CHECKPOINT", "a checkpoint, or a folder of them: then the newest one"}};
  command.flags = {
      {"--out", "DIR", "folder for the files", false, true},
      {"--family", "NAME", "llama, gpt2, ...; default: where it came from, or the first that fits"},
      {"--format", "FORMAT", "huggingface (default) or tessera"},
      {"--max-file-bytes", "N", "begin another file before this size; default 5 GiB"},
  };
  command.examples = {"tessera export out/gpt/checkpoints --out out/gpt-export"};
  command.run = &Export;
  return command;
}

}  // namespace tessera::cli
