// `tessera launch`: several processes of one run on this machine.
//
// Each gets RANK, WORLD_SIZE, MASTER_ADDR and MASTER_PORT. Output is passed on line by line with
// the rank in front. When one fails, the others are given a time to end by themselves (their
// control channel names the dead rank), then terminated. Signals are forwarded; the ranks stand in
// process groups of their own, so that a terminal's Ctrl-C reaches each of them once.
#include <cstdio>
#include <string>

#include "cpp/cli/arguments.h"
#include "cpp/cli/commands.h"
#include "cpp/cli/process_group.h"

namespace tessera::cli {
namespace {

Error Launch(const Arguments& arguments) {
  LaunchPlan plan;
  CLI_RETURN_IF_ERROR(arguments.Integer("--ranks", 1, 4096, &plan.ranks));
  CLI_RETURN_IF_ERROR(arguments.Integer("--port", 1, 65535, &plan.port));
  CLI_RETURN_IF_ERROR(arguments.Number("--timeout", 0, 86400, &plan.timeout_s));
  plan.command = arguments.rest();
  return RunRanks(plan);
}

}  // namespace

Command LaunchCommand() {
  Command command;
  command.name = "launch";
  command.summary = "starts several processes of one run on this machine";
  command.details =
      "Each process gets RANK, WORLD_SIZE, MASTER_ADDR and MASTER_PORT, and its lines of output "
      "are printed with its rank in front. When one fails the others get some time to end by "
      "themselves, then they are ended. SIGINT and SIGTERM are passed on. "
      "Cores are shared: give each rank its part with --set runtime.threads=N.\n";
  command.flags = {
      {"--ranks", "N", "number of processes", false, true},
      {"--port", "PORT", "where they meet; default: a free one"},
      {"--timeout", "SECONDS", "time that the others get to end when one has failed; default 60"},
  };
  command.rest = "COMMAND...";
  command.examples = {
      "tessera launch --ranks 2 -- tessera train gpt.json --out out/two --set runtime.threads=1"};
  command.run = &Launch;
  return command;
}

}  // namespace tessera::cli
