// CrossEntropyShape: sizes and attributes of cross_entropy and its gradient, and what one row makes
// of them. Formulas: cross_entropy.cc. Plain data; thread-safe.
#pragma once

#include <cstdint>
#include <limits>

#include "kernels/cpu/internal/call.h"

namespace tessera::cpu {

struct CrossEntropyShape {
  int64_t rows = 0;
  int64_t classes = 0;
  int64_t ignore_index = -100;
  double smoothing = 0;
  double z_loss = 0;

  bool Read(const tsr_kernel_call* call, char* reason) {
    const tsr_operand& logits = call->inputs[0];
    rows = Rows(logits);
    classes = LastDim(logits);
    ignore_index = IntAttr(call, "ignore_index", -100);
    smoothing = FloatAttr(call, "label_smoothing", 0);
    z_loss = FloatAttr(call, "z_loss", 0);
    if (logits.rank >= 1 && IsIndex(call->inputs[1]) && Count(call->inputs[1]) == rows) return true;
    Decline(reason, "needs logits[..., V] and one i32 or i64 target a row");
    return false;
  }

  // `hit` is the target's logit, `total` the sum of all logits of the row.
  double Loss(int64_t target, double lse, double hit, double total) const {
    if (target == ignore_index) return 0;
    if (target < 0 || target >= classes) return std::numeric_limits<double>::quiet_NaN();
    double loss = (1 - smoothing) * (lse - hit);
    // Only where asked for: 0 times an infinite logit would be NaN.
    if (smoothing != 0) loss += smoothing * (lse - total / static_cast<double>(classes));
    if (z_loss != 0) loss += z_loss * lse * lse;
    return loss;
  }

  // dlogits = p * of_p - everywhere, and less at_target at the target.
  template <class S>
  struct RowFactors {
    S of_p;
    S everywhere;
    S at_target;
  };
  template <class S>
  RowFactors<S> Factors(int64_t target, S lse, S dloss) const {
    if (target < 0 || target >= classes) {
      constexpr S kNan = std::numeric_limits<S>::quiet_NaN();
      return {kNan, kNan, kNan};
    }
    return {dloss * static_cast<S>(1 + 2 * z_loss * static_cast<double>(lse)),
            dloss * static_cast<S>(smoothing / static_cast<double>(classes)),
            dloss * static_cast<S>(1 - smoothing)};
  }
};

}  // namespace tessera::cpu
