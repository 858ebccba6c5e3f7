// Over the last dim: softmax, log_softmax and their gradients from the result.
//
//   softmax: y = e^(x - max) / sum        dx = y (dy - sum of y dy)
//   log_softmax: y = x - max - ln(sum)    dx = dy - e^y sum of dy
// The reference computes elements in fp32 (fp64 for f64) and sums in fp64.
#include <cmath>
#include <limits>

#include "kernels/cpu/internal/call.h"
#include "kernels/cpu/vector/softmax.h"

namespace tessera::cpu {
namespace {

template <bool kLog, class T>
void RunSoftmax(const tsr_kernel_call* call, const tsr_kernel_plan*, int32_t, int64_t task) {
  using S = Compute<T>;
  const int64_t cols = LastDim(call->inputs[0]);
  const Range rows = RowsOf(task, Rows(call->inputs[0]), cols);
  for (int64_t row = rows.begin; row < rows.end; ++row) {
    const T* x = In<T>(call, 0) + row * cols;
    T* y = Out<T>(call, 0) + row * cols;
    S max = -std::numeric_limits<S>::infinity();
    for (int64_t c = 0; c < cols; ++c) max = std::max(max, S(Get(x[c])));
    double sum = 0;
    for (int64_t c = 0; c < cols; ++c) sum += static_cast<double>(std::exp(Get(x[c]) - max));
    const S log_sum = static_cast<S>(std::log(sum)), scale = static_cast<S>(1 / sum);
    for (int64_t c = 0; c < cols; ++c) {
      const S shifted = Get(x[c]) - max;
      Put<T>(kLog ? shifted - log_sum : std::exp(shifted) * scale, &y[c]);
    }
  }
}

template <bool kLog, class T>
void RunGrad(const tsr_kernel_call* call, const tsr_kernel_plan*, int32_t, int64_t task) {
  using S = Compute<T>;
  const int64_t cols = LastDim(call->inputs[0]);
  const Range rows = RowsOf(task, Rows(call->inputs[0]), cols);
  for (int64_t row = rows.begin; row < rows.end; ++row) {
    const T* y = In<T>(call, 0) + row * cols;
    const T* dy = In<T>(call, 1) + row * cols;
    T* dx = Out<T>(call, 0) + row * cols;
    double sum = 0;
    for (int64_t c = 0; c < cols; ++c) {
      sum += kLog ? static_cast<double>(Get(dy[c]))
                  : static_cast<double>(Get(y[c])) * static_cast<double>(Get(dy[c]));
    }
    const S total = static_cast<S>(sum);
    for (int64_t c = 0; c < cols; ++c) {
      const S at = Get(y[c]), slope = Get(dy[c]);
      Put<T>(kLog ? slope - std::exp(at) * total : at * (slope - total), &dx[c]);
    }
  }
}

template <class F>
int32_t PrepareWith(const tsr_kernel_call* call, tsr_kernel_plan* plan, int inputs, char* reason,
                    F pick) {
  if (!HasOperands(call, inputs, 1, reason)) return 1;
  const tsr_operand& x = call->inputs[0];
  return Ready(plan, PickFloat(TypeOf(x), pick), RowTasks(Rows(x), LastDim(x)), reason);
}

template <bool kLog>
int32_t Prepare(const tsr_kernel_call* call, tsr_kernel_plan* plan, char* reason) {
  return PrepareWith(call, plan, 1, reason,
                     []<class T>() -> tsr_kernel_run { return RunSoftmax<kLog, T>; });
}
template <bool kLog>
int32_t PrepareGrad(const tsr_kernel_call* call, tsr_kernel_plan* plan, char* reason) {
  return PrepareWith(call, plan, 2, reason,
                     []<class T>() -> tsr_kernel_run { return RunGrad<kLog, T>; });
}

}  // namespace

void RegisterSoftmaxKernels(KernelSink& sink) {
  AddVector<"softmax">(sink, vector::PrepareSoftmax, kRowWise, 2);
  AddVector<"log_softmax">(sink, vector::PrepareLogSoftmax, kRowWise, 2);
  AddVector<"softmax_grad">(sink, vector::PrepareSoftmaxGrad, kRowWise, 2);
  AddVector<"log_softmax_grad">(sink, vector::PrepareLogSoftmaxGrad, kRowWise, 2);
  AddReference<"softmax">(sink, Prepare<false>, kRowWise);
  AddReference<"log_softmax">(sink, Prepare<true>, kRowWise);
  AddReference<"softmax_grad">(sink, PrepareGrad<false>, kRowWise);
  AddReference<"log_softmax_grad">(sink, PrepareGrad<true>, kRowWise);
}

}  // namespace tessera::cpu
