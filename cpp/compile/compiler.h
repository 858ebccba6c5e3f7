// Compiler: from a traced main function to a Program ready for an Executor.
//
// Flatten -> outline into segments -> joint functions -> cut by recompute policy -> slots, calls
// and the schedule (prologue; per micro-batch forward and backward; collect; reduce; norm; commit)
// -> passes (passes/pass.h) on every function.
// Equal layers are differentiated and cut once, however many there are. Pure functions;
// thread-safe.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "cpp/autodiff/cut.h"
#include "cpp/ir/op_table.h"
#include "cpp/ir/program.h"
#include "cpp/ir/update_rule.h"

namespace tessera {

struct CompileOptions {
  bool gradients = false;             // losses, gradients of all trainable parameters
  const UpdateRule* update = nullptr; // borrowed; with gradients: adds norm and commit actions
  int micro_batches = 1;
  RecomputePolicy recompute = RecomputePolicy::kSelective;
  // For the segment at a path such as "decoder/layers/3"; null: `recompute` for all.
  std::function<RecomputeChoice(std::string_view at)> recompute_at;
  bool separate_weight_gradient = false;
  // Also differentiate by these arguments of main (by name): their gradients become results
  // "gradient/NAME". Used by programs that are run with gradients.
  std::vector<std::string> argument_gradients;
  std::function<bool(const std::string& path)> trainable;  // null: all
  bool passes = true;    // run those of passes/pass.h; results are the same without
  bool results = true;   // false: main's ordinary results (logits) are not kept
  // With `results` false: those whose names begin so are kept all the same. Empty: none.
  std::string kept_results;
};

// Names of the kScalar slots that the driver writes before kCommit (f32 scalars).
inline constexpr char kLearningRateSlot[] = "learning_rate";
inline constexpr char kStepSlot[] = "step";
inline constexpr char kClipSlot[] = "clip";

absl::StatusOr<std::shared_ptr<const Program>> Compile(const Function& main, const OpTable& ops,
                                                       const CompileOptions& options);

}  // namespace tessera
