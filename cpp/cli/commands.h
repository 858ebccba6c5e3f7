// The commands there are, one function a file.
//
// A new command is a file <name>_command.cc, a line here and one in commands.cc.
#pragma once

#include "cpp/cli/command.h"

namespace tessera::cli {

Command TrainCommand();
Command GenerateCommand();
Command ConfigCommand();
Command DescribeCommand();
Command ListCommand();
Command GraphCommand();
Command BenchCommand();
Command InspectCommand();
Command EvalCommand();
Command ImportCommand();
Command ExportCommand();
Command LaunchCommand();
Command TuneCommand();
Command MoeReportCommand();
Command VersionCommand();

}  // namespace tessera::cli
