// `tessera export`: the parameters of a checkpoint as one plain safetensors file, with its config.
//
// Names are Tessera's parameter paths. One tensor at a time is in memory beside the program's own.
#include <sys/stat.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <string>
#include <vector>

#include "cpp/cli/arguments.h"
#include "cpp/cli/checkpoint_program.h"
#include "cpp/cli/commands.h"
#include "cpp/cli/safetensors.h"
#include "cpp/cli/text.h"

namespace tessera::cli {
namespace {

Error WriteText(const std::string& path, const std::string& text) {
  const File file(std::fopen(path.c_str(), "wbe"));
  if (file == nullptr || std::fwrite(text.data(), 1, text.size(), file.get()) != text.size() ||
      std::fflush(file.get()) != 0) {
    return Error(path + ": " + std::strerror(errno), TSR_UNAVAILABLE);
  }
  return Error();
}

Error Export(const Arguments& arguments) {
  const std::string folder = arguments.Text("--out");
  const std::string path = folder + "/model.safetensors";
  struct stat found = {};
  if (stat(path.c_str(), &found) == 0) {
    return Error(path + " exists; remove it or name another folder", TSR_ALREADY_EXISTS);
  }
  CheckpointProgram checkpoint;
  CLI_RETURN_IF_ERROR(OpenCheckpointProgram(arguments.Word(0), 1, false, "", &checkpoint));
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
  CLI_RETURN_IF_ERROR(WriteText(folder + "/config.json", checkpoint.config.ToIndentedText()));
  CLI_RETURN_IF_ERROR(writer.Finish());
  std::printf("%s: %zu tensors, %s\n", path.c_str(), checkpoint.parameters.size(),
              ReadableBytes(bytes).c_str());
  return Error();
}

}  // namespace

Command ExportCommand() {
  Command command;
  command.name = "export";
  command.summary = "writes the parameters of a checkpoint as a plain safetensors file";
  command.details =
      "Writes DIR/model.safetensors, with parameter paths as names, and DIR/config.json.\n";
  command.positionals = {{"CHECKPOINT", "a checkpoint, or a folder of them: then the newest one"}};
  command.flags = {{"--out", "DIR", "folder for the files", false, true}};
  command.examples = {"tessera export out/gpt/checkpoints --out out/gpt-export"};
  command.run = &Export;
  return command;
}

}  // namespace tessera::cli
