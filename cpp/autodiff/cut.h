// Cuts a joint function into forward and backward functions, deciding what is saved.
//
// A gradient node may name any forward value; the cut finds, for each, whether the backward takes
// it from the caller (an input or a saved value) or computes it again. Policies: `none` saves every
// value the gradient names, `selective` recomputes cheap ones (few flops for each byte) from saved
// matrix products and attention results, `full` keeps only the inputs of the function.
// Ops may be named that are recomputed in any case.
// Recomputed nodes stand right before their first use. All forms give the same bits.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "cpp/autodiff/differentiate.h"

namespace tessera {

enum class RecomputePolicy { kNone, kSelective, kFull };

absl::StatusOr<RecomputePolicy> RecomputePolicyFromName(std::string_view name);

struct RecomputeChoice {
  RecomputePolicy policy = RecomputePolicy::kSelective;
  std::vector<std::string> ops;   // their results are computed again whatever the policy
  auto operator<=>(const RecomputeChoice&) const = default;
};

// Where an input of a backward function comes from.
struct BackwardInput {
  enum Source {
    kForwardInput,    // index: input of the function
    kForwardOutput,   // index: output of the cut forward function (results first, then saved)
    kCotangent,       // index: output of the function that is differentiated
    kAccumulator,     // index: input of the function (a parameter)
    kPassed,          // index: output of the input-gradient function
  } source;
  int index;
};

struct BackwardFunction {
  FunctionRef function;
  std::vector<BackwardInput> inputs;
  std::vector<int> gradient_outputs;   // per input of the forward function: output index, or -1
};

struct CutFunctions {
  FunctionRef forward;                 // the function's results, then saved values
  // Either `backward` alone, or input and weight gradient apart (outputs of the former may be
  // passed to the latter).
  BackwardFunction backward;
  BackwardFunction input_gradient;
  BackwardFunction weight_gradient;
};

struct CutOptions {
  RecomputeChoice recompute;
  bool separate_weight_gradient = false;
  bool accumulate = false;   // parameter gradients are added to accumulators that come in
};

absl::StatusOr<CutFunctions> Cut(const Function& function, const JointFunction& joint,
                                 const OpTable& ops, const CutOptions& options);

}  // namespace tessera
