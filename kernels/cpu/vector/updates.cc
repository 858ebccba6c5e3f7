#include "kernels/cpu/vector/updates.h"

#include "kernels/cpu/internal/call.h"
#include "kernels/cpu/internal/targets.h"
#include "kernels/cpu/internal/updates.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/cpu/vector/updates.cc"
#include "hwy/foreach_target.h"  // IWYU pragma: keep
#include "hwy/highway.h"
#include "kernels/cpu/vector/memory-inl.h"

HWY_BEFORE_NAMESPACE();
namespace tessera::cpu::vector::HWY_NAMESPACE {

template <class S>
void RunAdamw(const tsr_kernel_call* call, const tsr_kernel_plan* plan, int32_t, int64_t task) {
  const AdamwNumbers<S> n(call, Params<AdamwAttrs>(plan));
  const Range range = ElementsOf(task, Count(call->outputs[0]));
  const TagOf<S> d;
  const S* old_p = In<S>(call, 0) + range.begin;
  const S* grad = In<S>(call, 1) + range.begin;
  const S* old_m = In<S>(call, 2) + range.begin;
  const S* old_v = In<S>(call, 3) + range.begin;
  S* new_p = Out<S>(call, 0) + range.begin;
  S* new_m = Out<S>(call, 1) + range.begin;
  S* new_v = Out<S>(call, 2) + range.begin;
  ForVectors(d, range.size(), [=](int64_t i, auto access) HWY_ATTR {
    const auto g = hn::Mul(access.In(d, grad + i), hn::Set(d, n.clip));
    const auto p = hn::Mul(access.In(d, old_p + i), hn::Set(d, n.decay));
    const auto m = hn::MulAdd(access.In(d, old_m + i), hn::Set(d, n.beta1),
                              hn::Mul(g, hn::Set(d, n.rest1)));
    const auto v = hn::MulAdd(access.In(d, old_v + i), hn::Set(d, n.beta2),
                              hn::Mul(hn::Mul(g, g), hn::Set(d, n.rest2)));
    const auto root = hn::Sqrt(hn::Mul(v, hn::Set(d, n.unbias2)));
    const auto step = hn::Div(hn::Mul(m, hn::Set(d, n.step_size)),
                              hn::Add(root, hn::Set(d, n.epsilon)));
    access.Out(d, m, new_m + i);
    access.Out(d, v, new_v + i);
    access.Out(d, hn::Sub(p, step), new_p + i);
  });
}

template <class S>
void RunSgd(const tsr_kernel_call* call, const tsr_kernel_plan* plan, int32_t, int64_t task) {
  const SgdNumbers<S> n(call, Params<SgdAttrs>(plan));
  const Range range = ElementsOf(task, Count(call->outputs[0]));
  const TagOf<S> d;
  const S* old_p = In<S>(call, 0) + range.begin;
  const S* grad = In<S>(call, 1) + range.begin;
  const S* old_b = In<S>(call, 2) + range.begin;
  S* new_p = Out<S>(call, 0) + range.begin;
  S* new_b = Out<S>(call, 1) + range.begin;
  ForVectors(d, range.size(), [=](int64_t i, auto access) HWY_ATTR {
    const auto p = access.In(d, old_p + i);
    const auto momentum = hn::Set(d, n.momentum);
    const auto g = hn::MulAdd(access.In(d, grad + i), hn::Set(d, n.clip),
                              hn::Mul(p, hn::Set(d, n.weight_decay)));
    const auto entering = hn::Mul(g, hn::Set(d, n.entering));
    const auto b = n.first ? g : hn::MulAdd(access.In(d, old_b + i), momentum, entering);
    const auto along = n.nesterov ? hn::MulAdd(b, momentum, g) : b;
    access.Out(d, b, new_b + i);
    access.Out(d, hn::NegMulAdd(along, hn::Set(d, n.lr), p), new_p + i);
  });
}

tsr_kernel_run PickUpdate(bool adamw, DType dtype) {
  if (dtype == DType::kF64) return adamw ? RunAdamw<double> : RunSgd<double>;
  return adamw ? RunAdamw<float> : RunSgd<float>;
}

}  // namespace tessera::cpu::vector::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace tessera::cpu::vector {
namespace {
HWY_EXPORT(PickUpdate);
}  // namespace

int32_t PrepareAdamw(const tsr_kernel_call* call, tsr_kernel_plan* plan, char* reason) {
  if (!UpdateFits(call, 4, 3, reason)) return 1;
  SetParams(plan, AdamwAttrs(call));
  return Ready(plan, TESSERA_FOR_CALL(PickUpdate, call)(true, TypeOf(call->inputs[0])),
               ElementTasks(Count(call->outputs[0])), reason);
}

int32_t PrepareSgd(const tsr_kernel_call* call, tsr_kernel_plan* plan, char* reason) {
  if (!UpdateFits(call, 3, 2, reason)) return 1;
  SetParams(plan, SgdAttrs(call));
  return Ready(plan, TESSERA_FOR_CALL(PickUpdate, call)(false, TypeOf(call->inputs[0])),
               ElementTasks(Count(call->outputs[0])), reason);
}

}  // namespace tessera::cpu::vector
#endif  // HWY_ONCE
