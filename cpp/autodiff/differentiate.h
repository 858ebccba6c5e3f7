// Reverse mode over one flat function: forward and gradient nodes in one joint function.
//
// Names no op: rules come from OpDef::gradient. Several cotangents of one value are added by one
// add_n node in the order of the forward text, so sums keep their order whatever the schedule.
// Nodes are coloured forward, input gradient (needed for the gradient of any argument) or weight
// gradient (needed for parameters only). What is saved and what is recomputed is decided by the
// cut (autodiff/cut.h), not here.
#pragma once

#include <memory>
#include <vector>

#include "absl/status/statusor.h"
#include "cpp/ir/function.h"
#include "cpp/ir/op_table.h"

namespace tessera {

struct JointFunction {
  // Inputs: those of the function in order, then one cotangent per differentiated output.
  std::shared_ptr<const Function> function;
  size_t forward_input_count = 0;
  std::vector<int> cotangent_inputs;   // per output of the function: input index, or -1
  std::vector<ValueId> results;        // per output of the function: its value in the joint one
  std::vector<ValueId> gradients;      // per input of the function; kNoValue when there is none
};

// Which outputs can depend on the active inputs through differentiable ops.
std::vector<bool> ActiveOutputs(const Function& function, const std::vector<bool>& active_inputs);

// The dtype in which gradients of a parameter of this dtype are accumulated: f32 for bf16 and f16.
DType GradientDType(DType dtype);

// `active_inputs`: for which inputs a gradient is wanted; `differentiated`: outputs that get a
// cotangent. UNIMPLEMENTED names the op that has no gradient rule.
absl::StatusOr<JointFunction> Differentiate(const Function& function, const OpTable& ops,
                                            const std::vector<bool>& active_inputs,
                                            const std::vector<bool>& differentiated);

}  // namespace tessera
