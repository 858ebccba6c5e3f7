// The model of a config as a function and as a program: what trainer, generator and the ABI's
// programs compile, without a training loop around it.
//
// Pure functions of their arguments; thread-safe. Configs must be resolved.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "cpp/compile/compiler.h"
#include "cpp/config/config.h"
#include "cpp/generate/environment.h"
#include "cpp/ir/function.h"
#include "cpp/ir/program.h"
#include "cpp/nn/scope.h"

namespace tessera {

struct ModelOptions {
  Mode mode = Mode::kTrain;
  std::string dtype;   // "fp32", "bf16", "fp64"; empty: runtime.dtype of the config
};

// "train", "evaluate", "decode". INVALID_ARGUMENT with the names.
absl::StatusOr<Mode> ModeFromName(std::string_view name);
// "fp32", "bf16", "fp64" (runtime.dtype). INVALID_ARGUMENT with the names.
absl::StatusOr<DType> NumberFormatFromName(std::string_view name);

// The model of a config: slot `model` of an Experiment, or the root of a config that is a model.
const ConfigNode& ModelNode(const Config& config);
// options.dtype, or else runtime.dtype; fp32 for a config without a runtime.
absl::StatusOr<DType> ModelDType(const Config& config, const ModelOptions& options);

// Traces the model (slot `model` of an Experiment, or a config whose root is a model itself) as a
// main function of symbolic batch B and sequence T; kDecode also has the capacity S of its caches.
// Arguments and ambient inputs are those of nn/tracer.h. Errors carry the module's path.
absl::StatusOr<FunctionRef> TraceModel(const Config& config, const Environment& environment,
                                       const ModelOptions& options);

// TraceModel and Compile.
absl::StatusOr<std::shared_ptr<const Program>> CompileModel(const Config& config,
                                                            const Environment& environment,
                                                            const ModelOptions& options,
                                                            const CompileOptions& compile);

// How many positions the model has learned (a LearnedPosition's max_positions), 0 when its
// positions are not learned: what Generator::Create wants.
int64_t LearnedPositions(const ConfigNode& model);

// The functions that a checkpoint stores (CheckpointInfo::program) so that a host without the
// module's code can run the model: its undifferentiated main of every mode that it supports, under
// the tracing key of nn/stored_functions.h, in the run's number format.
absl::StatusOr<std::string> StoredFunctions(const Config& config, const Environment& environment);

}  // namespace tessera
