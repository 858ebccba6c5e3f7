// What a config would take, without allocating its weights: `tessera graph` and tsr_config_plan.
//
// Traces and compiles the train step and plans its memory; nothing is trained and no data is read.
// Pure; thread-safe.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "cpp/config/config.h"
#include "cpp/generate/environment.h"

namespace tessera {

struct PlanOptions {
  bool text = false;   // also the program as text
  bool dot = false;    // also the segments as a Graphviz graph
};

// JSON: {"parameters": {"count", "bytes", "tensors"}, "active_parameters" (active_parameters.h),
// "step": {"flops", "tokens", ...}, "memory": {"persistent_bytes", ...}, "ops": [{"op", "uses",
// "flops", "bytes"}, ...], "functions": [...], and "text", "dot" when asked for}. The config may be
// unresolved. Errors of resolving, tracing and compiling; a plan beyond the environment's memory
// limit is described all the same.
absl::StatusOr<std::string> PlanConfig(const Config& config, const Environment& environment,
                                       const PlanOptions& options);

}  // namespace tessera
