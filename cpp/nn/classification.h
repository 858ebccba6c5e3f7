// Classification: what models that score whole inputs share: labels, head, loss.
#pragma once

#include "cpp/nn/scope.h"

namespace tessera {

// One input of that rank and, in training and evaluation, labels i32[B].
absl::Status CheckClassifierInputs(Scope& scope, const Values& inputs, int rank);

// logits[B,C] of x[B,N,D] by the slot "head"; with labels as the second of `inputs`, the slot
// "loss" reads both.
absl::StatusOr<Values> Classified(Scope& scope, ValueId x, const Values& inputs);

}  // namespace tessera
