// CrossEntropy: attributes and checks of cross_entropy and its gradient. Not an op itself.
// Thread-safe: pure functions.
#pragma once

#include <utility>

#include "cpp/ir/op_def.h"
#include "cpp/ops/internal/checks.h"

namespace tessera {

inline OpDef WithCrossEntropyAttrs(OpDef def) {
  return std::move(def)
      .Attr("ignore_index", int64_t{-100}, "targets of this value have loss 0")
      .Attr("label_smoothing", 0.0, "weight of the uniform distribution in the target, in [0, 1)")
      .Attr("z_loss", 0.0, "weight of lse^2");
}

inline absl::Status CheckCrossEntropy(const OpUse& use) {
  return CheckFraction(use.attrs, "label_smoothing");
}

}  // namespace tessera
