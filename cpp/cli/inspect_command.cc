// `tessera inspect`: what a checkpoint holds, and whether every byte of it is as it was written.
#include <cstdio>
#include <string>

#include "cpp/cli/arguments.h"
#include "cpp/cli/commands.h"
#include "cpp/cli/handles.h"
#include "cpp/cli/json.h"
#include "cpp/cli/table.h"
#include "cpp/cli/text.h"

namespace tessera::cli {
namespace {

std::string InspectionText(const Json& found, bool is_verified) {
  std::string text = found["path"].ToCell() + "\n";
  text += Format("step %s, %s parameters in %s tensors, %s in %zu files\n",
                 found["step"].ToCell().c_str(),
                 ReadableCount(found["parameters"].AsNumber()).c_str(),
                 found["parameter_tensors"].ToCell().c_str(),
                 ReadableBytes(found["file_bytes"].AsNumber()).c_str(),
                 found["files"].items().size());
  text += Format("saved %s by library %s\n", found["saved_at"].ToCell().c_str(),
                 found["library_version"].ToCell().c_str());
  text += is_verified ? "every checksum verified\n" : "checksums not read (--no-verify)\n";
  for (const Json& refused : found["refused"].items()) {
    const Json& reason = refused.is_text() ? refused : refused["reason"];
    text += "refused: " + reason.AsText() + "\n";
  }
  Table table({"tensor", "kind", "dtype", ">dims", ">bytes", "file"});
  for (const Json& tensor : found["tensors"].items()) {
    std::string path = tensor["path"].ToCell();
    if (tensor.Find("slot") != nullptr) path += " : " + tensor["slot"].ToCell();
    table.AddRow({path, tensor["kind"].ToCell(), tensor["dtype"].ToCell(), tensor["dims"].ToCell(),
                  tensor["bytes"].ToCell(), tensor["file"].ToCell()});
  }
  return text + "\n" + table.ToText();
}

Error Inspect(const Arguments& arguments) {
  const std::string path = arguments.Word(0);
  const bool verifies = !arguments.Has("--no-verify");
  std::string text;
  CLI_RETURN_IF_ERROR(CallText(&text, tsr_checkpoint_inspect, path.data(), path.size(),
                               static_cast<int32_t>(verifies ? 1 : 0)));
  Json found;
  if (!Json::Parse(text, &found)) return Error("tsr_checkpoint_inspect: no JSON", TSR_INTERNAL);
  const std::string problem = found["problem"].AsText();
  if (!problem.empty()) return Error(problem, TSR_DATA_LOSS);
  text = arguments.Has("--json") ? found.ToIndentedText() : InspectionText(found, verifies);
  std::fputs(text.c_str(), stdout);
  return Error();
}

}  // namespace

Command InspectCommand() {
  Command command;
  command.name = "inspect";
  command.summary = "prints what a checkpoint holds and verifies its checksums";
  command.positionals = {
      {"CHECKPOINT", "a checkpoint, or a folder of them: then the newest complete one"}};
  command.flags = {{"--no-verify", "", "do not read the data to compare checksums"},
                   {"--json", "", "as JSON"}};
  command.examples = {"tessera inspect out/gpt/checkpoints"};
  command.run = &Inspect;
  return command;
}

}  // namespace tessera::cli
