// Attributes and per-step numbers of the optimizer updates. Formulas: updates.cc.
//
// What depends on the step (lr, k, clip are operands) is made anew by each task, in fp64, and
// rounded to the parameter's dtype once. Plain data; thread-safe.
#pragma once

#include <cmath>
#include <cstdint>

#include "kernels/cpu/internal/call.h"

namespace tessera::cpu {

// Operands: `tensors` of equal dims and dtype f32 or f64, then the scalars lr, step, clip.
inline bool UpdateFits(const tsr_kernel_call* call, int tensors, int results, char* reason) {
  if (!HasOperands(call, tensors + 3, results, reason)) return false;
  const tsr_operand& param = call->inputs[0];
  bool fits = TypeOf(param) == DType::kF32 || TypeOf(param) == DType::kF64;
  for (int i = 1; i < tensors; ++i) {
    fits = fits && SameDims(call->inputs[i], param) && call->inputs[i].dtype == param.dtype;
  }
  for (int i = 0; i < results; ++i) {
    fits = fits && SameDims(call->outputs[i], param) && call->outputs[i].dtype == param.dtype;
  }
  for (int i = tensors; i < tensors + 3; ++i) {
    fits = fits && TypeOf(call->inputs[i]) == DType::kF32 && Count(call->inputs[i]) == 1;
  }
  if (!fits) Decline(reason, "needs f32 or f64 tensors of equal dims, and f32 lr, step, clip");
  return fits;
}

struct AdamwAttrs {
  double beta1 = 0.9;
  double beta2 = 0.999;
  double epsilon = 1e-8;
  double weight_decay = 0;

  AdamwAttrs() = default;
  explicit AdamwAttrs(const tsr_kernel_call* call)
      : beta1(FloatAttr(call, "beta1", 0.9)),
        beta2(FloatAttr(call, "beta2", 0.999)),
        epsilon(FloatAttr(call, "epsilon", 1e-8)),
        weight_decay(FloatAttr(call, "weight_decay", 0)) {}
};

template <class S>
struct AdamwNumbers {
  S clip, decay, beta1, rest1, beta2, rest2, step_size, unbias2, epsilon;

  AdamwNumbers(const tsr_kernel_call* call, const AdamwAttrs& attrs) {
    const double lr = *In<float>(call, 4), k = *In<float>(call, 5);
    clip = static_cast<S>(*In<float>(call, 6));
    decay = static_cast<S>(1 - lr * attrs.weight_decay);
    beta1 = static_cast<S>(attrs.beta1);
    rest1 = static_cast<S>(1 - attrs.beta1);
    beta2 = static_cast<S>(attrs.beta2);
    rest2 = static_cast<S>(1 - attrs.beta2);
    step_size = static_cast<S>(lr / (1 - std::pow(attrs.beta1, k)));
    unbias2 = static_cast<S>(1 / (1 - std::pow(attrs.beta2, k)));
    epsilon = static_cast<S>(attrs.epsilon);
  }
};

struct SgdAttrs {
  double momentum = 0.9;
  double dampening = 0;
  double weight_decay = 0;
  bool nesterov = false;

  SgdAttrs() = default;
  explicit SgdAttrs(const tsr_kernel_call* call)
      : momentum(FloatAttr(call, "momentum", 0.9)),
        dampening(FloatAttr(call, "dampening", 0)),
        weight_decay(FloatAttr(call, "weight_decay", 0)),
        nesterov(BoolAttr(call, "nesterov")) {}
};

template <class S>
struct SgdNumbers {
  S lr, clip, momentum, entering, weight_decay;
  bool nesterov, first;

  SgdNumbers(const tsr_kernel_call* call, const SgdAttrs& attrs)
      : lr(static_cast<S>(*In<float>(call, 3))),
        clip(static_cast<S>(*In<float>(call, 5))),
        momentum(static_cast<S>(attrs.momentum)),
        entering(static_cast<S>(1 - attrs.dampening)),
        weight_decay(static_cast<S>(attrs.weight_decay)),
        nesterov(attrs.nesterov),
        first(*In<float>(call, 4) <= 1) {}
};

}  // namespace tessera::cpu
