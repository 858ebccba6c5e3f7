// Command: what one word of the command line does, and what it takes, as data.
//
// Each command is one file, <name>_command.cc, with a function that returns it; commands.cc lists
// them. Help, checks of the arguments and suggestions follow from this description, so a command
// only reads its values (arguments.h). Constant use from several threads is safe.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "cpp/cli/error.h"

namespace tessera::cli {

class Arguments;

struct Flag {
  std::string_view name;   // "--steps"
  std::string_view value;  // what follows, "N"; empty: a switch
  std::string_view help;   // empty: understood, but not shown
  bool is_repeated = false;
  bool is_required = false;
  bool may_stand_alone = false;  // its value may be left out
};

struct Positional {
  std::string_view name;  // "CONFIG"
  std::string_view help;
  bool is_required = true;
};

struct Command {
  std::string_view name;
  std::string_view summary;  // one line
  std::string_view details;  // paragraphs, or empty
  std::vector<Positional> positionals;
  std::vector<Flag> flags;
  std::string_view rest;     // name of what stands after `--`, "COMMAND"; empty: nothing does
  std::vector<std::string_view> examples;
  Error (*run)(const Arguments& arguments) = nullptr;
};

// All commands, in the order of the help.
const std::vector<Command>& AllCommands();

// What `tessera --help` and `tessera NAME --help` print.
std::string ProgramHelp();
std::string CommandHelp(const Command& command);

}  // namespace tessera::cli
