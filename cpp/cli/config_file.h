// ConfigFile: the config that a command line names, with what --set changes in it.
//
// Shared by the commands that take CONFIG: a file or, to go on from it, a checkpoint. That stands
// for the experiment that it holds, or whose model it is, with trainer.init_from naming it.
// One thread per object.
#pragma once

#include <vector>

#include "cpp/cli/arguments.h"
#include "cpp/cli/command.h"
#include "cpp/cli/environment.h"
#include "cpp/cli/error.h"
#include "cpp/cli/handles.h"

namespace tessera::cli {

struct ConfigFile {
  Environment environment;
  Runtime runtime;
  Config config;

  bool is_first_rank() const { return environment.rank == 0; }
};

// CONFIG, and the flags with which it is changed: --modify, then --set; --hardware for `when`.
Positional ConfigPositional();
std::vector<Flag> ConfigFlags(std::vector<Flag> more = {});

struct ConfigUse {
  bool computes = false;     // a runtime with the threads that the config asks for, and all ranks
  int64_t steps = -1;        // trainer.steps, when not negative
  std::vector<std::pair<std::string, std::string>> fields;  // set last: path and value
  bool tells = true;         // on stderr, which settings modifiers dropped
};

// Reads the config of the first positional word and changes it. `before` (may be null) takes the
// config as the file has it.
Error OpenConfigFile(const Arguments& arguments, const ConfigUse& use, ConfigFile* out,
                     Config* before = nullptr);

// Reads a config as it is in a file.
Error LoadConfig(const Runtime& runtime, const std::string& path, Config* out);
Error SetField(const Config& config, std::string_view path, std::string_view value);
// A field's value as a number; defaults count.
Error GetNumber(const Config& config, std::string_view path, double* out);

}  // namespace tessera::cli
