// The model of a checkpoint as a program, and what it says of itself: shared by eval and export.
//
// One thread per object.
#pragma once

#include <string>
#include <vector>

#include "cpp/cli/error.h"
#include "cpp/cli/handles.h"
#include "cpp/cli/json.h"
#include "cpp/cli/safetensors.h"

namespace tessera::cli {

struct CheckpointProgram {
  Runtime runtime;
  Program program;
  Json description;                        // of tsr_program_describe
  std::vector<SafetensorsEntry> parameters;  // name is the path; offset and bytes unused
  // Of an imported model, under the names it had there; empty for others.
  std::vector<SafetensorsEntry> original_parameters;
  Json config;                             // the checkpoint's, every value

  // The model's part of the config, which may be all of it.
  const Json& model() const { return config["model"].is_object() ? config["model"] : config; }
};

struct CheckpointProgramWish {
  int64_t threads = 1;
  bool gradients = false;
  std::string dtype;     // of the computation, "" for the config's
  std::string routing;   // of mixtures of experts: "", "record", "replay"
};

Error OpenCheckpointProgram(const std::string& path, const CheckpointProgramWish& wish,
                            CheckpointProgram* out);

}  // namespace tessera::cli
