// The `tessera` program: finds the command, reads its arguments, runs it and reports.
//
// All it knows of the library is tessera.h. Exit code 0, or 1 with the reason in one line on stderr
// (one line an error when a config has several); with --json the reason is JSON on stdout instead.
#include <cstdio>
#include <exception>
#include <string>
#include <string_view>
#include <vector>

#include "cpp/cli/arguments.h"
#include "cpp/cli/command.h"
#include "cpp/cli/error.h"
#include "cpp/cli/signals.h"
#include "cpp/cli/text.h"

namespace tessera::cli {
namespace {

int Print(const std::string& text) {
  std::fputs(text.c_str(), stdout);
  return 0;
}

int Fail(const Error& error, const std::string& command, bool as_json) {
  std::fflush(stdout);
  if (as_json) {
    std::fputs(error.ToJson().c_str(), stdout);
  } else {
    std::fputs(error.ToLines(command).c_str(), stderr);
  }
  return 1;
}

int Run(const std::vector<std::string_view>& words) {
  if (words.empty()) {
    return Fail(Error("expected a command, got nothing; `tessera --help` lists them"), "", false);
  }
  const std::string_view name = words[0];
  std::vector<std::string_view> rest(words.begin() + 1, words.end());
  if (name == "--help" || name == "-h") return Print(ProgramHelp());
  std::vector<std::string_view> names;
  const Command* command = nullptr;
  const std::string_view wanted = name == "--version" ? "version" : name;
  for (const Command& candidate : AllCommands()) {
    names.push_back(candidate.name);
    if (candidate.name == wanted) command = &candidate;
  }
  if (name == "help") {
    if (rest.empty()) return Print(ProgramHelp());
    return Run({rest[0], "--help"});
  }
  if (command == nullptr) {
    std::string message = "unknown command '" + std::string(name) + "'";
    const std::string nearest = NearestName(name, names);
    message += nearest.empty() ? "; `tessera --help` lists those there are"
                               : ", did you mean '" + nearest + "'?";
    return Fail(Error(std::move(message)), "", false);
  }
  Arguments arguments;
  if (const Error error = Arguments::Parse(*command, rest, &arguments)) {
    return Fail(error, std::string(command->name), false);
  }
  if (arguments.wants_help()) return Print(CommandHelp(*command));
  if (const Error error = command->run(arguments)) {
    return Fail(error, std::string(command->name), arguments.Has("--json"));
  }
  // What a full disk or a closed pipe did to the output is an error too.
  if (std::fflush(stdout) != 0 || std::ferror(stdout) != 0) {
    return Fail(Error("stdout: could not be written"), std::string(command->name), false);
  }
  return 0;
}

}  // namespace
}  // namespace tessera::cli

int main(int argc, char** argv) {
  // A reader that goes away (`| head`) ends the output with an error, not the process unasked.
  tessera::cli::IgnoreBrokenPipes();
  try {
    return tessera::cli::Run(std::vector<std::string_view>(argv + (argc > 0 ? 1 : 0), argv + argc));
  } catch (const std::exception& exception) {  // the standard library's, when memory runs out
    std::fprintf(stderr, "tessera: %s\n", exception.what());
    return 1;
  }
}
