#include "cpp/cli/commands.h"

namespace tessera::cli {

const std::vector<Command>& AllCommands() {
  static const std::vector<Command> kCommands = {
      TrainCommand(),   GenerateCommand(), ConfigCommand(), DescribeCommand(),
      ListCommand(),    GraphCommand(),    BenchCommand(),  InspectCommand(),
      EvalCommand(),    ImportCommand(),   ExportCommand(), LaunchCommand(),
      MoeReportCommand(), TuneCommand(),   VersionCommand(),
  };
  return kCommands;
}

}  // namespace tessera::cli
