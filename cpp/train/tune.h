// TuneConfig: finds faster values of kernels' knobs for the training step of a config.
//
// Compiles the step as a trainer would, at its sizes and with its threads, and times the calls that
// have something to tune (exec/tuner.h) on memory of their own: no data are read, nothing is
// trained. It may run on any thread, but uses the runtime's pool while it does.
#pragma once

#include <functional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "cpp/config/config.h"
#include "cpp/generate/environment.h"

namespace tessera {

struct TuneConfigOptions {
  double budget_s = 0;        // 0: as long as it takes
  bool exhaustive = false;
  int64_t most_timed = 32;    // candidates of one call
  std::string out;            // tuning file that takes the findings up; empty: none is written
};

// JSON: {"machine", "calls", "reached", "seconds", "valid", "box", "timed", "kept", "results": [
// ...], "out", "tuning": the file}. Errors of resolving, tracing and compiling; FAILED_PRECONDITION
// where the processor's model is not known; those of reading and writing `out`; what `progress`
// ends with.
absl::StatusOr<std::string> TuneConfig(
    const Config& config, const Environment& environment, const TuneConfigOptions& options,
    const std::function<absl::Status(int64_t done, int64_t total)>& progress);

}  // namespace tessera
