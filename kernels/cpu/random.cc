// Random numbers that belong to positions: dropout, random_uniform, random_normal.
//
// Element i of an operand with offset o has the global index o * (elements of one slice of the
// leading dim) + i, and its word is base/philox.h's ElementWord of that index and the key: how a
// tensor is split over ranks, tasks or threads cannot change a number.
#include <cmath>

#include "cpp/base/philox.h"
#include "kernels/cpu/internal/call.h"
#include "kernels/cpu/internal/convert.h"
#include "kernels/cpu/internal/random.h"
#include "kernels/cpu/vector/random.h"

namespace tessera::cpu {
namespace {

template <class T>
void RunDropout(const tsr_kernel_call* call, const tsr_kernel_plan* plan, int32_t, int64_t task) {
  const auto rate = Params<double>(plan);
  using S = Compute<T>;
  const S scale = static_cast<S>(1 / (1 - rate));
  const uint32_t threshold = DropoutThreshold(rate);
  const RandomStream stream(call, 1, call->inputs[0]);
  const Range range = ElementsOf(task, Count(call->outputs[0]));
  const T* x = In<T>(call, 0);
  T* y = Out<T>(call, 0);
  stream.ForBlocks(range, [&](int64_t i, uint64_t, const philox::Words4& words, unsigned at) {
    Put<T>(words[at] >= threshold ? Get(x[i]) * scale : S(0), &y[i]);
  });
}

int32_t PrepareDropout(const tsr_kernel_call* call, tsr_kernel_plan* plan, char* reason) {
  if (!HasOperands(call, 3, 1, reason) || !RandomStream::Fits(call, 1, reason)) return 1;
  SetParams(plan, FloatAttr(call, "rate", 0));
  const tsr_kernel_run run = PickFloat(TypeOf(call->inputs[0]),
                                       []<class T>() -> tsr_kernel_run { return RunDropout<T>; });
  return Ready(plan, run, ElementTasks(Count(call->outputs[0])), reason);
}

struct TwoNumbers {
  double first = 0;
  double second = 1;
};

// The largest number of T's kind below x.
inline double Below(double x) { return std::nextafter(x, -HUGE_VAL); }
inline float Below(float x) { return std::nextafter(x, -HUGE_VALF); }
template <class T>
T BelowBits(T x) {
  const uint16_t magnitude = x.bits & 0x7fffu;
  if (magnitude == 0) {
    x.bits = 0x8001u;  // the smallest negative number
  } else {
    x.bits = static_cast<uint16_t>(x.bits >> 15 != 0 ? x.bits + 1 : x.bits - 1);
  }
  return x;
}
inline BF16 Below(BF16 x) { return BelowBits(x); }
inline F16 Below(F16 x) { return BelowBits(x); }

template <class T>
void RunUniform(const tsr_kernel_call* call, const tsr_kernel_plan* plan, int32_t, int64_t task) {
  const auto [low, high] = Params<TwoNumbers>(plan);
  const RandomStream stream(call, 0, call->outputs[0]);
  T* y = Out<T>(call, 0);
  const Range range = ElementsOf(task, Count(call->outputs[0]));
  T top;
  ConvertTo(high, &top);
  stream.ForBlocks(range, [&](int64_t i, uint64_t index, const philox::Words4& words,
                              unsigned at) {
    double unit;
    if constexpr (std::is_same_v<T, double>) {
      unit = philox::UnitDouble(philox::ElementWord64(stream.key(), index));
    } else {
      unit = philox::UnitFloat(words[at]);
    }
    ConvertTo(low + (high - low) * unit, &y[i]);
    // Rounding may reach `high`, which is not in the interval.
    if (Get(y[i]) >= Get(top) && low < high) y[i] = Below(top);
  });
}

// Box and Muller: words (0, 1) of a block make elements 0 and 1, words (2, 3) the other two.
template <class T>
void RunNormal(const tsr_kernel_call* call, const tsr_kernel_plan* plan, int32_t, int64_t task) {
  const auto [mean, stddev] = Params<TwoNumbers>(plan);
  const RandomStream stream(call, 0, call->outputs[0]);
  T* y = Out<T>(call, 0);
  const Range range = ElementsOf(task, Count(call->outputs[0]));
  stream.ForBlocks(range, [&](int64_t i, uint64_t, const philox::Words4& words, unsigned at) {
    const unsigned pair = at & 2u;
    const double unit = (static_cast<double>(words[pair]) + 1) * 0x1p-32;  // in (0, 1]
    const double angle = static_cast<double>(words[pair + 1]) * (0x1p-31 * 3.14159265358979323846);
    const double radius = std::sqrt(-2 * std::log(unit));
    ConvertTo(mean + stddev * radius * ((at & 1u) == 0 ? std::cos(angle) : std::sin(angle)),
              &y[i]);
  });
}

template <class F>
int32_t PrepareWith(const tsr_kernel_call* call, tsr_kernel_plan* plan, TwoNumbers numbers,
                    char* reason, F pick) {
  if (!HasOperands(call, 2, 1, reason) || !RandomStream::Fits(call, 0, reason)) return 1;
  SetParams(plan, numbers);
  return Ready(plan, PickFloat(TypeOf(call->outputs[0]), pick),
               ElementTasks(Count(call->outputs[0])), reason);
}

int32_t PrepareUniform(const tsr_kernel_call* call, tsr_kernel_plan* plan, char* reason) {
  return PrepareWith(call, plan, {FloatAttr(call, "low", 0), FloatAttr(call, "high", 1)}, reason,
                     []<class T>() -> tsr_kernel_run { return RunUniform<T>; });
}
int32_t PrepareNormal(const tsr_kernel_call* call, tsr_kernel_plan* plan, char* reason) {
  return PrepareWith(call, plan, {FloatAttr(call, "mean", 0), FloatAttr(call, "stddev", 1)},
                     reason, []<class T>() -> tsr_kernel_run { return RunNormal<T>; });
}

}  // namespace

void RegisterRandomKernels(KernelSink& sink) {
  AddVector<"dropout">(sink, vector::PrepareDropout, kInPlace0);
  AddReference<"dropout">(sink, PrepareDropout, kInPlace0);
  AddReference<"random_uniform">(sink, PrepareUniform);
  AddReference<"random_normal">(sink, PrepareNormal);
}

}  // namespace tessera::cpu
