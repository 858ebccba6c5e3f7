// cross_entropy: lse = ln(sum of e^logits), nll = lse - logits[target],
//   loss = (1 - s) nll + s (lse - mean(logits)) + z lse^2     s: label_smoothing, z: z_loss
// cross_entropy_grad: with p = e^(logits - lse),
//   dlogits = dloss (p - (1 - s) [class is target] - s / V + 2 z lse p)
// An ignored target has loss 0 and gradient 0; any other that is no class has loss NaN, and NaN for
// its gradient, so that the mistake is seen. The reference sums in fp64 within a row.
#include <cmath>
#include <limits>

#include "kernels/cpu/internal/call.h"
#include "kernels/cpu/internal/cross_entropy.h"
#include "kernels/cpu/vector/softmax.h"

namespace tessera::cpu {
namespace {

template <class T>
void RunLoss(const tsr_kernel_call* call, const tsr_kernel_plan* plan, int32_t, int64_t task) {
  const auto shape = Params<CrossEntropyShape>(plan);
  using S = Compute<T>;
  const Range rows = RowsOf(task, shape.rows, shape.classes);
  for (int64_t row = rows.begin; row < rows.end; ++row) {
    const T* logits = In<T>(call, 0) + row * shape.classes;
    S max = -std::numeric_limits<S>::infinity();
    double total = 0;
    for (int64_t c = 0; c < shape.classes; ++c) {
      max = std::max(max, S(Get(logits[c])));
      total += static_cast<double>(Get(logits[c]));
    }
    double sum = 0;
    // Infinite logits cannot be shifted by themselves.
    const S shift = std::isinf(max) ? S(0) : max;
    for (int64_t c = 0; c < shape.classes; ++c) {
      sum += static_cast<double>(std::exp(Get(logits[c]) - shift));
    }
    const double lse = static_cast<double>(shift) + std::log(sum);
    const int64_t target = IndexAt(call->inputs[1], row);
    const bool is_class = target >= 0 && target < shape.classes;
    const double hit = is_class ? static_cast<double>(Get(logits[target])) : 0;
    Out<S>(call, 0)[row] = static_cast<S>(shape.Loss(target, lse, hit, total));
    Out<S>(call, 1)[row] = static_cast<S>(lse);
  }
}

template <class T>
void RunGrad(const tsr_kernel_call* call, const tsr_kernel_plan* plan, int32_t, int64_t task) {
  const auto shape = Params<CrossEntropyShape>(plan);
  using S = Compute<T>;
  const Range rows = RowsOf(task, shape.rows, shape.classes);
  for (int64_t row = rows.begin; row < rows.end; ++row) {
    const T* logits = In<T>(call, 0) + row * shape.classes;
    T* dlogits = Out<T>(call, 0) + row * shape.classes;
    const int64_t target = IndexAt(call->inputs[1], row);
    if (target == shape.ignore_index) {
      std::fill_n(dlogits, shape.classes, T{});
      continue;
    }
    const S lse = In<S>(call, 2)[row], dloss = In<S>(call, 3)[row];
    const CrossEntropyShape::RowFactors<S> factors = shape.Factors(target, lse, dloss);
    for (int64_t c = 0; c < shape.classes; ++c) {
      const S p = std::exp(Get(logits[c]) - lse);
      Put<T>(p * factors.of_p - factors.everywhere - (c == target ? factors.at_target : S(0)),
             &dlogits[c]);
    }
  }
}

int32_t PrepareLoss(const tsr_kernel_call* call, tsr_kernel_plan* plan, char* reason) {
  if (!HasOperands(call, 2, 2, reason)) return 1;
  CrossEntropyShape shape;
  if (!shape.Read(call, reason)) return 1;
  SetParams(plan, shape);
  const tsr_kernel_run run = PickFloat(TypeOf(call->inputs[0]),
                                       []<class T>() -> tsr_kernel_run { return RunLoss<T>; });
  return Ready(plan, run, RowTasks(shape.rows, shape.classes), reason);
}

int32_t PrepareGrad(const tsr_kernel_call* call, tsr_kernel_plan* plan, char* reason) {
  if (!HasOperands(call, 4, 1, reason)) return 1;
  CrossEntropyShape shape;
  if (!shape.Read(call, reason)) return 1;
  SetParams(plan, shape);
  const tsr_kernel_run run = PickFloat(TypeOf(call->inputs[0]),
                                       []<class T>() -> tsr_kernel_run { return RunGrad<T>; });
  return Ready(plan, run, RowTasks(shape.rows, shape.classes), reason);
}

}  // namespace

void RegisterCrossEntropyKernels(KernelSink& sink) {
  AddVector<"cross_entropy">(sink, vector::PrepareCrossEntropy, kRowWise, 2);
  AddVector<"cross_entropy_grad">(sink, vector::PrepareCrossEntropyGrad, kInPlace0 | kRowWise, 2);
  AddReference<"cross_entropy">(sink, PrepareLoss, kRowWise);
  AddReference<"cross_entropy_grad">(sink, PrepareGrad, kInPlace0 | kRowWise);
}

}  // namespace tessera::cpu
