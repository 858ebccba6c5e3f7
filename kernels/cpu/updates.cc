// Optimizer updates, elementwise and in place: adamw_update, sgd_update. lr, step k and clip are
// f32 scalars; numbers that are the same for all elements are made in fp64.
//
//   adamw: g = clip grad; p = p (1 - lr wd); m = b1 m + (1 - b1) g; v = b2 v + (1 - b2) g^2;
//          p = p - lr (m / (1 - b1^k)) / (sqrt(v / (1 - b2^k)) + eps)
//   sgd:   g = clip grad + wd p; b = g for k = 1, else mu b + (1 - dampening) g;
//          p = p - lr (nesterov ? g + mu b : b)
// Sources: Loshchilov, Hutter, "Decoupled weight decay regularization", 2019; Sutskever et al., "On
// the importance of initialization and momentum in deep learning", 2013.
#include <cmath>

#include "kernels/cpu/internal/call.h"
#include "kernels/cpu/internal/updates.h"
#include "kernels/cpu/vector/updates.h"

namespace tessera::cpu {
namespace {

template <class S>
void RunAdamw(const tsr_kernel_call* call, const tsr_kernel_plan* plan, int32_t, int64_t task) {
  const AdamwNumbers<S> n(call, Params<AdamwAttrs>(plan));
  const Range range = ElementsOf(task, Count(call->outputs[0]));
  for (int64_t i = range.begin; i < range.end; ++i) {
    const S g = n.clip * In<S>(call, 1)[i];
    const S p = In<S>(call, 0)[i] * n.decay;
    const S m = n.beta1 * In<S>(call, 2)[i] + n.rest1 * g;
    const S v = n.beta2 * In<S>(call, 3)[i] + n.rest2 * (g * g);
    Out<S>(call, 1)[i] = m;
    Out<S>(call, 2)[i] = v;
    Out<S>(call, 0)[i] = p - n.step_size * m / (std::sqrt(v * n.unbias2) + n.epsilon);
  }
}

template <class S>
void RunSgd(const tsr_kernel_call* call, const tsr_kernel_plan* plan, int32_t, int64_t task) {
  const SgdNumbers<S> n(call, Params<SgdAttrs>(plan));
  const Range range = ElementsOf(task, Count(call->outputs[0]));
  for (int64_t i = range.begin; i < range.end; ++i) {
    const S p = In<S>(call, 0)[i];
    const S g = n.clip * In<S>(call, 1)[i] + n.weight_decay * p;
    // The first step does not read the buffer, whatever is in it.
    const S b = n.first ? g : n.momentum * In<S>(call, 2)[i] + n.entering * g;
    Out<S>(call, 1)[i] = b;
    Out<S>(call, 0)[i] = p - n.lr * (n.nesterov ? g + n.momentum * b : b);
  }
}

int32_t PrepareAdamw(const tsr_kernel_call* call, tsr_kernel_plan* plan, char* reason) {
  if (!UpdateFits(call, 4, 3, reason)) return 1;
  SetParams(plan, AdamwAttrs(call));
  const bool wide = TypeOf(call->inputs[0]) == DType::kF64;
  return Ready(plan, wide ? RunAdamw<double> : RunAdamw<float>,
               ElementTasks(Count(call->outputs[0])), reason);
}

int32_t PrepareSgd(const tsr_kernel_call* call, tsr_kernel_plan* plan, char* reason) {
  if (!UpdateFits(call, 3, 2, reason)) return 1;
  SetParams(plan, SgdAttrs(call));
  const bool wide = TypeOf(call->inputs[0]) == DType::kF64;
  return Ready(plan, wide ? RunSgd<double> : RunSgd<float>, ElementTasks(Count(call->outputs[0])),
               reason);
}

}  // namespace

void RegisterUpdatesKernels(KernelSink& sink) {
  AddVector<"adamw_update">(sink, vector::PrepareAdamw, kInPlace0);
  AddVector<"sgd_update">(sink, vector::PrepareSgd, kInPlace0);
  AddReference<"adamw_update">(sink, PrepareAdamw, kInPlace0);
  AddReference<"sgd_update">(sink, PrepareSgd, kInPlace0);
}

}  // namespace tessera::cpu
