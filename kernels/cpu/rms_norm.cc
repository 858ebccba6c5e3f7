// rms_norm: y = x r (scale + offset) with r = 1 / sqrt(mean(x^2) + epsilon), over the last dim.
// rms_norm_grad: with g = dy (scale + offset),
//   dx = r (g - x r^2 mean(g x)),  dscale = sum over rows of dy x r
// Source: Zhang, Sennrich, "Root mean square layer normalization", 2019. The reference sums in fp64
// within a row; how rows are summed is in internal/norm.h.
#include <cmath>

#include "kernels/cpu/internal/call.h"
#include "kernels/cpu/internal/norm.h"
#include "kernels/cpu/vector/norm.h"

namespace tessera::cpu {
namespace {

template <class T>
Compute<T> RowScale(const T* x, const NormShape& shape) {
  double squares = 0;
  for (int64_t c = 0; c < shape.cols; ++c) {
    const double value = static_cast<double>(Get(x[c]));
    squares += value * value;
  }
  const double mean = squares / static_cast<double>(shape.cols);
  return static_cast<Compute<T>>(1 / std::sqrt(mean + shape.epsilon));
}

template <class T>
void RunNorm(const tsr_kernel_call* call, const tsr_kernel_plan* plan, int32_t, int64_t task) {
  const auto shape = Params<NormShape>(plan);
  using S = Compute<T>;
  const S offset = static_cast<S>(shape.scale_offset);
  const T* scale = In<T>(call, 1);
  const Range rows = RowsOf(task, shape.rows, shape.cols);
  for (int64_t row = rows.begin; row < rows.end; ++row) {
    const T* x = In<T>(call, 0) + row * shape.cols;
    T* y = Out<T>(call, 0) + row * shape.cols;
    const S r = RowScale(x, shape);
    for (int64_t c = 0; c < shape.cols; ++c) {
      Put<T>(Get(x[c]) * r * (Get(scale[c]) + offset), &y[c]);
    }
  }
}

template <class T>
void RunGrad(const tsr_kernel_call* call, const tsr_kernel_plan* plan, int32_t phase,
             int64_t task) {
  const auto shape = Params<NormShape>(plan);
  using S = Compute<T>;
  if (phase == 1) return AddNormParts<S>(call, shape, task);
  const S offset = static_cast<S>(shape.scale_offset);
  const T* scale = In<T>(call, 1);
  S* dscale = shape.Part<S>(call->workspace, task, 0);
  std::fill_n(dscale, shape.cols, S(0));
  const Range rows = shape.RowsOfChunk(task);
  for (int64_t row = rows.begin; row < rows.end; ++row) {
    const T* x = In<T>(call, 0) + row * shape.cols;
    const T* dy = In<T>(call, 2) + row * shape.cols;
    T* dx = Out<T>(call, 0) + row * shape.cols;
    const S r = RowScale(x, shape);
    double dot = 0;
    for (int64_t c = 0; c < shape.cols; ++c) {
      dot += static_cast<double>(Get(dy[c]) * (Get(scale[c]) + offset)) *
             static_cast<double>(Get(x[c]));
    }
    const S back = static_cast<S>(dot / static_cast<double>(shape.cols)) * r * r;
    for (int64_t c = 0; c < shape.cols; ++c) {
      const S slope = Get(dy[c]), value = Get(x[c]);
      dscale[c] += slope * value * r;
      Put<T>(r * (slope * (Get(scale[c]) + offset) - value * back), &dx[c]);
    }
  }
}

int32_t Prepare(const tsr_kernel_call* call, tsr_kernel_plan* plan, char* reason) {
  if (!HasOperands(call, 2, 1, reason) || !NormFits(call, reason)) return 1;
  const NormShape shape = ReadNorm(call, 1e-6);
  SetParams(plan, shape);
  const tsr_kernel_run run = PickFloat(TypeOf(call->inputs[0]),
                                       []<class T>() -> tsr_kernel_run { return RunNorm<T>; });
  return Ready(plan, run, RowTasks(shape.rows, shape.cols), reason);
}

int32_t PrepareGrad(const tsr_kernel_call* call, tsr_kernel_plan* plan, char* reason) {
  if (!HasOperands(call, 3, 2, reason) || !NormFits(call, reason)) return 1;
  const tsr_kernel_run run = PickFloat(TypeOf(call->inputs[0]),
                                       []<class T>() -> tsr_kernel_run { return RunGrad<T>; });
  return ReadyNormGrad(call, plan, ReadNorm(call, 1e-6), run, reason);
}

}  // namespace

void RegisterRmsNormKernels(KernelSink& sink) {
  AddVector<"rms_norm">(sink, vector::PrepareRmsNorm, kRowWise, 2);
  AddVector<"rms_norm_grad">(sink, vector::PrepareRmsNormGrad, 0, 2);
  AddReference<"rms_norm">(sink, Prepare, kRowWise);
  AddReference<"rms_norm_grad">(sink, PrepareGrad);
}

}  // namespace tessera::cpu
