// Reductions over any dims: reduce_sum reduce_mean reduce_max reduce_min reduce_prod.
//
// Floats are summed in fp64 by the reference, integers modulo 2^64; elements go in row-major order
// in chunks of 4096, whose sums are added in order, and the result is rounded once. Of nothing: sum
// 0, product 1, mean NaN, maximum and minimum the least and the largest value there is.
#include <limits>

#include "kernels/cpu/internal/call.h"
#include "kernels/cpu/internal/convert.h"
#include "kernels/cpu/internal/reduction.h"
#include "kernels/cpu/vector/sums.h"

namespace tessera::cpu {
namespace {

template <class T>
using Total = std::conditional_t<std::is_floating_point_v<Compute<T>>, double, int64_t>;

struct Sum {
  template <class S>
  static S Start() {
    return 0;
  }
  template <class S>
  static S Join(S a, S b) {
    if constexpr (std::is_integral_v<S>) return WrapAdd(a, b);
    return a + b;
  }
};
struct Product {
  template <class S>
  static S Start() {
    return 1;
  }
  template <class S>
  static S Join(S a, S b) {
    if constexpr (std::is_integral_v<S>) return WrapMul(a, b);
    return a * b;
  }
};

template <class Op, class T>
void RunArithmetic(const tsr_kernel_call* call, const tsr_kernel_plan* plan, int32_t,
                   int64_t task) {
  const ReductionLoops loops(call);
  const bool mean = Params<bool>(plan);
  using S = Total<T>;
  const Range range = RowsOf(task, loops.kept_count, loops.reduced_count);
  for (int64_t out = range.begin; out < range.end; ++out) {
    const T* x = In<T>(call, 0) + loops.KeptOffset(out);
    S total = Op::template Start<S>();
    for (int64_t first = 0; first < loops.reduced_count; first += kReductionChunk) {
      S chunk = Op::template Start<S>();
      loops.ForReduced({first, std::min(loops.reduced_count, first + kReductionChunk)},
                       [&](int64_t offset) {
                         chunk = Op::Join(chunk, static_cast<S>(Get(x[offset])));
                       });
      total = Op::Join(total, chunk);
    }
    if constexpr (std::is_floating_point_v<S>) {
      if (mean) total /= static_cast<double>(loops.reduced_count);
    }
    ConvertTo(total, TypeOf(call->outputs[0]), call->outputs[0].data, out);
  }
}

template <bool kMax, class T>
void RunExtreme(const tsr_kernel_call* call, const tsr_kernel_plan*, int32_t, int64_t task) {
  const ReductionLoops loops(call);
  using S = Compute<T>;
  using Limits = std::numeric_limits<S>;
  constexpr S kStart = Limits::has_infinity ? (kMax ? -Limits::infinity() : Limits::infinity())
                                            : (kMax ? Limits::lowest() : Limits::max());
  const Range range = RowsOf(task, loops.kept_count, loops.reduced_count);
  for (int64_t out = range.begin; out < range.end; ++out) {
    const T* x = In<T>(call, 0) + loops.KeptOffset(out);
    S best = kStart;
    loops.ForReduced({0, loops.reduced_count}, [&](int64_t offset) {
      const S next = Get(x[offset]);
      if ((kMax ? next > best : next < best) || next != next) best = next;
    });
    Put<T>(best, &Out<T>(call, 0)[out]);
  }
}

bool Fits(const tsr_kernel_call* call, char* reason) {
  if (!HasOperands(call, 1, 1, reason)) return false;
  const ReductionLoops loops(call);
  if (loops.kept_count == Count(call->outputs[0])) return true;
  Decline(reason, "the result does not have the dims that are kept");
  return false;
}

template <class F>
int32_t PrepareWith(const tsr_kernel_call* call, tsr_kernel_plan* plan, char* reason, F pick) {
  if (!Fits(call, reason)) return 1;
  const ReductionLoops loops(call);
  return Ready(plan, PickNumber(TypeOf(call->inputs[0]), pick),
               RowTasks(loops.kept_count, loops.reduced_count), reason);
}

template <class Op, bool kMean = false>
int32_t PrepareArithmetic(const tsr_kernel_call* call, tsr_kernel_plan* plan, char* reason) {
  SetParams(plan, kMean);
  return PrepareWith(call, plan, reason,
                     []<class T>() -> tsr_kernel_run { return RunArithmetic<Op, T>; });
}

template <bool kMax>
int32_t PrepareExtreme(const tsr_kernel_call* call, tsr_kernel_plan* plan, char* reason) {
  return PrepareWith(call, plan, reason,
                     []<class T>() -> tsr_kernel_run { return RunExtreme<kMax, T>; });
}

}  // namespace

void RegisterReduceKernels(KernelSink& sink) {
  AddVector<"reduce_sum">(sink, vector::PrepareReduceSum, 0, 2);
  AddVector<"reduce_mean">(sink, vector::PrepareReduceMean, 0, 2);
  AddReference<"reduce_sum">(sink, PrepareArithmetic<Sum>);
  AddReference<"reduce_mean">(sink, PrepareArithmetic<Sum, true>);
  AddReference<"reduce_prod">(sink, PrepareArithmetic<Product>);
  AddReference<"reduce_max">(sink, PrepareExtreme<true>);
  AddReference<"reduce_min">(sink, PrepareExtreme<false>);
}

}  // namespace tessera::cpu
