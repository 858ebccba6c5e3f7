#include "kernels/cpu/vector/softmax.h"

#include <cmath>
#include <limits>

#include "kernels/cpu/internal/call.h"
#include "kernels/cpu/internal/cross_entropy.h"
#include "kernels/cpu/internal/targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/cpu/vector/softmax.cc"
#include "hwy/foreach_target.h"  // IWYU pragma: keep
#include "hwy/cache_control.h"
#include "hwy/highway.h"
#include "kernels/cpu/vector/math-inl.h"
#include "kernels/cpu/vector/reduce-inl.h"

HWY_BEFORE_NAMESPACE();
namespace tessera::cpu::vector::HWY_NAMESPACE {

using Float = hn::ScalableTag<float>;

// The largest element, NaN left out: it shows in the sum of exponentials.
HWY_INLINE float MaxOf(const float* x, int64_t n) {
  const Float d;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  const auto lowest = hn::Set(d, -std::numeric_limits<float>::infinity());
  auto a = lowest, b = lowest, c = lowest, e = lowest;
  int64_t i = 0;
  for (; i + 4 * lanes <= n; i += 4 * lanes) {
    a = LargerNumber(d, a, ReadWhole(d, x + i));
    b = LargerNumber(d, b, ReadWhole(d, x + i + lanes));
    c = LargerNumber(d, c, ReadWhole(d, x + i + 2 * lanes));
    e = LargerNumber(d, e, ReadWhole(d, x + i + 3 * lanes));
  }
  for (; i + lanes <= n; i += lanes) a = LargerNumber(d, a, ReadWhole(d, x + i));
  if (i < n) {
    const size_t count = static_cast<size_t>(n - i);
    const auto some = ReadSome(d, x + i, count);
    b = LargerNumber(d, b, hn::IfThenElse(hn::FirstN(d, count), some, lowest));
  }
  return hn::ReduceMax(d, LargerNumber(d, LargerNumber(d, a, b), LargerNumber(d, c, e)));
}

// As integers that order like the numbers, twice as many at once: negative ones with all bits but
// the sign turned over, which is its own inverse. NaN may come out, of which every sum is NaN.
HWY_INLINE float MaxOf(const BF16* x, int64_t n) {
  const hn::ScalableTag<int16_t> d;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  const int16_t* bits = reinterpret_cast<const int16_t*>(x);
  const auto ordered = [=](auto v) HWY_ATTR {
    return hn::Xor(v, hn::And(hn::ShiftRight<15>(v), hn::Set(d, int16_t{0x7fff})));
  };
  constexpr int16_t kMinusInfinity = -0x7f81;   // 0xff80, ordered
  auto a = hn::Set(d, kMinusInfinity), b = a;
  int64_t i = 0;
  for (; i + 2 * lanes <= n; i += 2 * lanes) {
    a = hn::Max(a, ordered(hn::LoadU(d, bits + i)));
    b = hn::Max(b, ordered(hn::LoadU(d, bits + i + lanes)));
  }
  for (; i < n; i += lanes) {
    const size_t count = static_cast<size_t>(std::min(lanes, n - i));
    const auto some = ordered(hn::LoadN(d, bits + i, count));
    a = hn::IfThenElse(hn::FirstN(d, count), hn::Max(a, some), a);
  }
  const int16_t max = hn::ReduceMax(d, hn::Max(a, b));
  const uint16_t half = static_cast<uint16_t>(max < 0 ? max ^ 0x7fff : max);
  return Get(BF16{half});
}

// The sum of value(x). As many elements at `ahead` are fetched meanwhile.
template <class T, class F>
HWY_INLINE float SumOf(const T* x, int64_t n, const T* ahead, const F& value) {
  const Float d;
  const auto sums = SumVectors<T>(d, n, [=](int64_t i, auto access, auto* sum, auto*) HWY_ATTR {
    hwy::Prefetch(ahead + i);
    *sum = hn::Add(*sum, Kept(d, value(access.In(d, x + i)), access));
  });
  return sums.first;
}

// The sum of e^(x - max), where `max` is the largest element here or in what else is added.
template <class T>
HWY_INLINE float SumExp(const T* x, int64_t n, float max, const T* ahead) {
  const Float d;
  return SumOf(x, n, ahead,
               [=](auto v) HWY_ATTR { return ExpTerm(d, hn::Sub(v, hn::Set(d, max))); });
}

// The logarithm of the sum of e^x in one pass over memory: a block is read for its maximum and
// then, from the nearest cache, for its exponentials, while the block after the next is fetched, of
// what ends at `end`: what is fetched for the next one comes late, for its maximum takes no time.
// What was summed before a greater maximum came is scaled to it.
template <class T>
HWY_INLINE double LogSumExp(const T* x, int64_t n, const T* end) {
  constexpr int64_t kBlock = 2048;
  const Float d;
  // Infinite maxima cannot be shifted by themselves.
  const auto shift = [](float max) { return std::isinf(max) ? 0.0 : static_cast<double>(max); };
  float max = -std::numeric_limits<float>::infinity();
  double sum = 0;
  for (int64_t begin = 0; begin < n; begin += kBlock) {
    const int64_t count = std::min(kBlock, n - begin);
    const T* block = x + begin;
    const float block_max = MaxOf(block, count);
    if (block_max > max) {
      if (sum != 0) sum *= std::exp(shift(max) - shift(block_max));
      max = block_max;
    }
    const T* ahead = end - block >= 2 * kBlock + count ? block + 2 * kBlock : block;
    const float terms =
        std::isinf(max) ? SumOf(block, count, ahead, [=](auto v) HWY_ATTR { return Exp(d, v); })
                        : SumExp(block, count, max, ahead);
    sum += static_cast<double>(terms);
  }
  return shift(max) + std::log(sum);
}

template <bool kLog, class T>
void RunSoftmax(const tsr_kernel_call* call, const tsr_kernel_plan*, int32_t, int64_t task) {
  const Float d;
  const int64_t cols = LastDim(call->inputs[0]);
  const Range rows = RowsOf(task, Rows(call->inputs[0]), cols);
  for (int64_t row = rows.begin; row < rows.end; ++row) {
    const T* x = In<T>(call, 0) + row * cols;
    T* y = Out<T>(call, 0) + row * cols;
    const float max = MaxOf(x, cols);
    const float sum = SumExp(x, cols, max, x);
    const float factor = kLog ? std::log(sum) : 1 / sum;
    MapVectors(d, cols, y, [=](int64_t i, auto access) HWY_ATTR {
      const auto shifted = hn::Sub(access.In(d, x + i), hn::Set(d, max));
      if constexpr (kLog) {
        return hn::Sub(shifted, hn::Set(d, factor));
      } else {
        return hn::Mul(Exp(d, shifted), hn::Set(d, factor));
      }
    });
  }
}

template <bool kLog, class T>
void RunSoftmaxGrad(const tsr_kernel_call* call, const tsr_kernel_plan*, int32_t, int64_t task) {
  const Float d;
  const int64_t cols = LastDim(call->inputs[0]);
  const Range rows = RowsOf(task, Rows(call->inputs[0]), cols);
  for (int64_t row = rows.begin; row < rows.end; ++row) {
    const T* y = In<T>(call, 0) + row * cols;
    const T* dy = In<T>(call, 1) + row * cols;
    T* dx = Out<T>(call, 0) + row * cols;
    const auto sums =
        SumVectors<T>(d, cols, [=](int64_t i, auto access, auto* sum, auto*) HWY_ATTR {
          const auto slope = access.In(d, dy + i);
          if constexpr (kLog) {
            *sum = hn::Add(*sum, slope);
          } else {
            *sum = hn::MulAdd(access.In(d, y + i), slope, *sum);
          }
        });
    MapVectors(d, cols, dx, [=](int64_t i, auto access) HWY_ATTR {
      const auto at = access.In(d, y + i), slope = access.In(d, dy + i);
      const auto total = hn::Set(d, sums.first);
      if constexpr (kLog) {
        return hn::NegMulAdd(Exp(d, at), total, slope);
      } else {
        return hn::Mul(at, hn::Sub(slope, total));
      }
    });
  }
}

template <class T>
void RunLoss(const tsr_kernel_call* call, const tsr_kernel_plan* plan, int32_t, int64_t task) {
  const auto shape = Params<CrossEntropyShape>(plan);
  const Float d;
  const Range rows = RowsOf(task, shape.rows, shape.classes);
  const T* end = In<T>(call, 0) + shape.rows * shape.classes;
  for (int64_t row = rows.begin; row < rows.end; ++row) {
    const T* logits = In<T>(call, 0) + row * shape.classes;
    double total = 0;
    if (shape.smoothing != 0) {
      total = static_cast<double>(
          SumVectors<T>(d, shape.classes, [=](int64_t i, auto access, auto* all, auto*) HWY_ATTR {
            *all = hn::Add(*all, access.In(d, logits + i));
          }).first);
    }
    const double lse = LogSumExp(logits, shape.classes, end);
    const int64_t target = IndexAt(call->inputs[1], row);
    const bool is_class = target >= 0 && target < shape.classes;
    const double hit = is_class ? static_cast<double>(Get(logits[target])) : 0;
    Out<float>(call, 0)[row] = static_cast<float>(shape.Loss(target, lse, hit, total));
    Out<float>(call, 1)[row] = static_cast<float>(lse);
  }
}

template <class T>
void RunLossGrad(const tsr_kernel_call* call, const tsr_kernel_plan* plan, int32_t,
                 int64_t task) {
  const auto shape = Params<CrossEntropyShape>(plan);
  const Float d;
  const Range rows = RowsOf(task, shape.rows, shape.classes);
  for (int64_t row = rows.begin; row < rows.end; ++row) {
    const T* logits = In<T>(call, 0) + row * shape.classes;
    T* dlogits = Out<T>(call, 0) + row * shape.classes;
    const int64_t target = IndexAt(call->inputs[1], row);
    if (target == shape.ignore_index) {
      std::fill_n(dlogits, shape.classes, T{});
      continue;
    }
    const float lse = In<float>(call, 2)[row], dloss = In<float>(call, 3)[row];
    const CrossEntropyShape::RowFactors<float> factors = shape.Factors(target, lse, dloss);
    const bool is_class = target >= 0 && target < shape.classes;
    // Read now: the result may lie over the logits.
    const float hit = is_class ? Get(logits[target]) : 0.0f;
    MapVectors(d, shape.classes, dlogits, [=](int64_t i, auto access) HWY_ATTR {
      const auto p = Exp(d, hn::Sub(access.In(d, logits + i), hn::Set(d, lse)));
      return hn::MulSub(p, hn::Set(d, factors.of_p), hn::Set(d, factors.everywhere));
    });
    if (!is_class) continue;
    const float p = std::exp(hit - lse);
    Put<T>(p * factors.of_p - factors.everywhere - factors.at_target, &dlogits[target]);
  }
}

tsr_kernel_run PickClass(ClassKind kind, DType dtype) {
  const auto pick = [kind]<class T>() -> tsr_kernel_run {
    switch (kind) {
      case ClassKind::kSoftmax:
        return RunSoftmax<false, T>;
      case ClassKind::kLogSoftmax:
        return RunSoftmax<true, T>;
      case ClassKind::kSoftmaxGrad:
        return RunSoftmaxGrad<false, T>;
      case ClassKind::kLogSoftmaxGrad:
        return RunSoftmaxGrad<true, T>;
      case ClassKind::kCrossEntropy:
        return RunLoss<T>;
      case ClassKind::kCrossEntropyGrad:
        return RunLossGrad<T>;
    }
    return nullptr;
  };
  if (dtype == DType::kF32) return pick.operator()<float>();
  if (dtype == DType::kBF16) return pick.operator()<BF16>();
  return nullptr;
}

}  // namespace tessera::cpu::vector::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace tessera::cpu::vector {
namespace {

HWY_EXPORT(PickClass);

int32_t PrepareKind(const tsr_kernel_call* call, tsr_kernel_plan* plan, ClassKind kind, int inputs,
                    char* reason) {
  const bool loss = kind == ClassKind::kCrossEntropy || kind == ClassKind::kCrossEntropyGrad;
  if (!HasOperands(call, inputs, kind == ClassKind::kCrossEntropy ? 2 : 1, reason)) return 1;
  if (loss) {
    CrossEntropyShape shape;
    if (!shape.Read(call, reason)) return 1;
    SetParams(plan, shape);
  }
  const tsr_operand& x = call->inputs[0];
  return Ready(plan, TESSERA_FOR_CALL(PickClass, call)(kind, TypeOf(x)),
               RowTasks(Rows(x), LastDim(x)), reason);
}

}  // namespace

int32_t PrepareSoftmax(const tsr_kernel_call* call, tsr_kernel_plan* plan, char* reason) {
  return PrepareKind(call, plan, ClassKind::kSoftmax, 1, reason);
}
int32_t PrepareLogSoftmax(const tsr_kernel_call* call, tsr_kernel_plan* plan, char* reason) {
  return PrepareKind(call, plan, ClassKind::kLogSoftmax, 1, reason);
}
int32_t PrepareSoftmaxGrad(const tsr_kernel_call* call, tsr_kernel_plan* plan, char* reason) {
  return PrepareKind(call, plan, ClassKind::kSoftmaxGrad, 2, reason);
}
int32_t PrepareLogSoftmaxGrad(const tsr_kernel_call* call, tsr_kernel_plan* plan, char* reason) {
  return PrepareKind(call, plan, ClassKind::kLogSoftmaxGrad, 2, reason);
}
int32_t PrepareCrossEntropy(const tsr_kernel_call* call, tsr_kernel_plan* plan, char* reason) {
  return PrepareKind(call, plan, ClassKind::kCrossEntropy, 2, reason);
}
int32_t PrepareCrossEntropyGrad(const tsr_kernel_call* call, tsr_kernel_plan* plan,
                                char* reason) {
  return PrepareKind(call, plan, ClassKind::kCrossEntropyGrad, 4, reason);
}

}  // namespace tessera::cpu::vector
#endif  // HWY_ONCE
