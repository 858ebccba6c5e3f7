// RunRanks: starts the processes of a run, passes their output on, and waits for all of them.
//
// What they compute and how they notice each other's death is the library's business; this is only
// about processes. Not thread-safe: one call at a time.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "cpp/cli/error.h"

namespace tessera::cli {

struct LaunchPlan {
  int64_t ranks = 1;
  int64_t port = 0;        // 0: a free one
  double timeout_s = 60;   // for the others to end when one has failed
  std::vector<std::string> command;
};

// ABORTED, with the rank and how it ended, when a process failed. OK when all exited with 0, also
// after a signal that was passed on.
Error RunRanks(const LaunchPlan& plan);

}  // namespace tessera::cli
