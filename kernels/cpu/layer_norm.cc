// layer_norm: y = (x - mean(x)) r scale + bias with r = 1 / sqrt(var(x) + epsilon), over the last
// dim; var is the mean of squared deviations; the bias may be absent.
// layer_norm_grad: with h = (x - mean(x)) r and g = dy scale,
//   dx = r (g - mean(g) - h mean(g h)),  dscale = sum over rows of dy h,  dbias = sum of dy
// Source: Ba, Kiros, Hinton, "Layer normalization", 2016. The reference sums in fp64 within a row;
// how rows are summed is in internal/norm.h.
#include <cmath>

#include "kernels/cpu/internal/call.h"
#include "kernels/cpu/internal/norm.h"
#include "kernels/cpu/vector/norm.h"

namespace tessera::cpu {
namespace {

template <class S>
struct Moments {
  S mean;
  S r;
};

template <class T>
Moments<Compute<T>> RowMoments(const T* x, const NormShape& shape) {
  const double count = static_cast<double>(shape.cols);
  double sum = 0;
  for (int64_t c = 0; c < shape.cols; ++c) sum += static_cast<double>(Get(x[c]));
  const double mean = sum / count;
  double squares = 0;
  for (int64_t c = 0; c < shape.cols; ++c) {
    const double apart = static_cast<double>(Get(x[c])) - mean;
    squares += apart * apart;
  }
  using S = Compute<T>;
  return {static_cast<S>(mean), static_cast<S>(1 / std::sqrt(squares / count + shape.epsilon))};
}

template <class T>
void RunNorm(const tsr_kernel_call* call, const tsr_kernel_plan* plan, int32_t, int64_t task) {
  const auto shape = Params<NormShape>(plan);
  using S = Compute<T>;
  const T* scale = In<T>(call, 1);
  const T* bias = call->input_count == 3 ? In<T>(call, 2) : nullptr;
  const Range rows = RowsOf(task, shape.rows, shape.cols);
  for (int64_t row = rows.begin; row < rows.end; ++row) {
    const T* x = In<T>(call, 0) + row * shape.cols;
    T* y = Out<T>(call, 0) + row * shape.cols;
    const Moments<S> moments = RowMoments(x, shape);
    for (int64_t c = 0; c < shape.cols; ++c) {
      const S scaled = (Get(x[c]) - moments.mean) * moments.r * Get(scale[c]);
      Put<T>(bias == nullptr ? scaled : scaled + Get(bias[c]), &y[c]);
    }
  }
}

template <class T>
void RunGrad(const tsr_kernel_call* call, const tsr_kernel_plan* plan, int32_t phase,
             int64_t task) {
  const auto shape = Params<NormShape>(plan);
  using S = Compute<T>;
  if (phase == 1) return AddNormParts<S>(call, shape, task);
  const T* scale = In<T>(call, 1);
  S* dscale = shape.Part<S>(call->workspace, task, 0);
  S* dbias = shape.Part<S>(call->workspace, task, 1);
  std::fill_n(dscale, shape.cols, S(0));
  std::fill_n(dbias, shape.cols, S(0));
  const Range rows = shape.RowsOfChunk(task);
  for (int64_t row = rows.begin; row < rows.end; ++row) {
    const T* x = In<T>(call, 0) + row * shape.cols;
    const T* dy = In<T>(call, 2) + row * shape.cols;
    T* dx = Out<T>(call, 0) + row * shape.cols;
    const Moments<S> moments = RowMoments(x, shape);
    double sum = 0, dot = 0;
    for (int64_t c = 0; c < shape.cols; ++c) {
      const double g = static_cast<double>(Get(dy[c]) * Get(scale[c]));
      sum += g;
      dot += g * static_cast<double>((Get(x[c]) - moments.mean) * moments.r);
    }
    const S mean_g = static_cast<S>(sum / static_cast<double>(shape.cols));
    const S mean_gh = static_cast<S>(dot / static_cast<double>(shape.cols));
    for (int64_t c = 0; c < shape.cols; ++c) {
      const S slope = Get(dy[c]), h = (Get(x[c]) - moments.mean) * moments.r;
      dscale[c] += slope * h;
      dbias[c] += slope;
      Put<T>(moments.r * (slope * Get(scale[c]) - mean_g - h * mean_gh), &dx[c]);
    }
  }
}

int32_t Prepare(const tsr_kernel_call* call, tsr_kernel_plan* plan, char* reason) {
  const int inputs = call->input_count == 2 ? 2 : 3;
  if (!HasOperands(call, inputs, 1, reason) || !NormFits(call, reason)) return 1;
  const NormShape shape = ReadNorm(call, 1e-5);
  SetParams(plan, shape);
  const tsr_kernel_run run = PickFloat(TypeOf(call->inputs[0]),
                                       []<class T>() -> tsr_kernel_run { return RunNorm<T>; });
  return Ready(plan, run, RowTasks(shape.rows, shape.cols), reason);
}

int32_t PrepareGrad(const tsr_kernel_call* call, tsr_kernel_plan* plan, char* reason) {
  if (!HasOperands(call, 3, 3, reason) || !NormFits(call, reason)) return 1;
  NormShape shape = ReadNorm(call, 1e-5);
  shape.sums = 2;
  const tsr_kernel_run run = PickFloat(TypeOf(call->inputs[0]),
                                       []<class T>() -> tsr_kernel_run { return RunGrad<T>; });
  return ReadyNormGrad(call, plan, shape, run, reason);
}

}  // namespace

void RegisterLayerNormKernels(KernelSink& sink) {
  AddVector<"layer_norm">(sink, vector::PrepareLayerNorm, kRowWise, 2);
  AddVector<"layer_norm_grad">(sink, vector::PrepareLayerNormGrad, 0, 2);
  AddReference<"layer_norm">(sink, Prepare, kRowWise);
  AddReference<"layer_norm_grad">(sink, PrepareGrad);
}

}  // namespace tessera::cpu
