#include <algorithm>

#include "kernels/cpu/gemm/grouped.h"

namespace tessera::cpu::dense {
namespace {

constexpr int64_t kColumns = 64;  // summed side by side

int64_t* Begins(const tsr_kernel_call* call) { return static_cast<int64_t*>(call->workspace); }

// Row |row| of x; NULL for a row of zeros.
template <class T>
const T* RowOf(const tsr_kernel_call* call, const GroupedShape& s, int64_t row) {
  const int32_t* slots = SlotsOf(call, s);
  const int64_t at = slots == nullptr ? row : TokenOf(s, slots[row]);
  return at < 0 ? nullptr : static_cast<const T*>(call->inputs[0].data) + at * s.inner;
}

template <class T, class C>
void RunRow(const tsr_kernel_call* call, const GroupedShape& s, int64_t row, int64_t owner) {
  using S = decltype(Load(T{}) * Load(T{}));
  const T* x = owner < 0 ? nullptr : RowOf<T>(call, s, row);
  C* y = static_cast<C*>(call->outputs[0].data) + row * s.columns;
  const int64_t k_step = s.transposed ? 1 : s.columns;
  const int64_t column_step = s.transposed ? s.inner : 1;
  for (int64_t column = 0; column < s.columns; column += kColumns) {
    const int64_t width = std::min(kColumns, s.columns - column);
    S sums[kColumns] = {};
    const T* w = static_cast<const T*>(call->inputs[1].data) + owner * s.inner * s.columns +
                 column * column_step;
    for (int64_t k = 0; k < s.inner && x != nullptr; ++k) {
      const S a = Load(x[k]);
      for (int64_t j = 0; j < width; ++j) sums[j] += a * S{Load(w[k * k_step + j * column_step])};
    }
    for (int64_t j = 0; j < width; ++j) Store(sums[j], &y[column + j]);
  }
}

template <class T, class C>
void RunGrouped(const tsr_kernel_call* call, const tsr_kernel_plan* plan, int32_t phase,
                int64_t task) {
  const auto s = Params<GroupedShape>(plan);
  const int32_t* owners = static_cast<const int32_t*>(call->inputs[2].data);
  int64_t* begins = Begins(call);
  if (phase == 0) {
    FindBegins(call, owners, s.rows, s.experts, begins);
    return;
  }
  RunRow<T, C>(call, s, task, task < begins[s.experts] ? owners[task] : -1);
}

// One row of one expert's matrix.
template <class T, class C>
void RunGrad(const tsr_kernel_call* call, const tsr_kernel_plan* plan, int32_t phase,
             int64_t task) {
  const auto s = Params<GroupedShape>(plan);
  using S = decltype(Load(T{}) * Load(T{}));
  int64_t* begins = Begins(call);
  if (phase == 0) {
    FindBegins(call, static_cast<const int32_t*>(call->inputs[2].data), s.rows, s.experts, begins);
    return;
  }
  const int64_t expert = task / s.inner, i = task % s.inner;
  C* dw = static_cast<C*>(call->outputs[0].data) + task * s.columns;
  for (int64_t column = 0; column < s.columns; column += kColumns) {
    const int64_t width = std::min(kColumns, s.columns - column);
    S sums[kColumns] = {};
    for (int64_t r = begins[expert]; r < begins[expert + 1]; ++r) {
      const T* x = RowOf<T>(call, s, r);
      const S a = x == nullptr ? S{0} : S{Load(x[i])};
      const T* dy = static_cast<const T*>(call->inputs[1].data) + r * s.columns + column;
      for (int64_t j = 0; j < width; ++j) sums[j] += a * S{Load(dy[j])};
    }
    for (int64_t j = 0; j < width; ++j) Store(sums[j], &dw[column + j]);
  }
}

template <bool kGrad, class T>
tsr_kernel_run PickOutput(DType out) {
  switch (out) {
    case DType::kF64:
      return kGrad ? RunGrad<T, double> : RunGrouped<T, double>;
    case DType::kF32:
      return kGrad ? RunGrad<T, float> : RunGrouped<T, float>;
    case DType::kBF16:
      return kGrad ? RunGrad<T, BF16> : RunGrouped<T, BF16>;
    case DType::kF16:
      return kGrad ? RunGrad<T, F16> : RunGrouped<T, F16>;
    default:
      return nullptr;
  }
}

template <bool kGrad>
tsr_kernel_run Pick(DType in, DType out) {
  switch (in) {
    case DType::kF64:
      return PickOutput<kGrad, double>(out);
    case DType::kF32:
      return PickOutput<kGrad, float>(out);
    case DType::kBF16:
      return PickOutput<kGrad, BF16>(out);
    case DType::kF16:
      return PickOutput<kGrad, F16>(out);
    default:
      return nullptr;
  }
}

int32_t Ready(const GroupedShape& shape, tsr_kernel_run run, int64_t tasks, tsr_kernel_plan* plan,
              char* reason) {
  if (run == nullptr) return Decline(reason, "grouped_matmul: no kernel for these dtypes");
  plan->run = run;
  plan->phase_count = 2;
  plan->tasks[0] = 1;
  plan->tasks[1] = tasks;
  plan->workspace_bytes = static_cast<size_t>(shape.experts + 1) * sizeof(int64_t);
  SetParams(plan, shape);
  return 0;
}

}  // namespace

int32_t PrepareReferenceGrouped(const tsr_kernel_call* call, tsr_kernel_plan* plan, char* reason) {
  GroupedShape shape;
  if (ReadGroupedShape(call, &shape, reason) != 0) return 1;
  return Ready(shape, Pick<false>(shape.in, shape.out), shape.rows, plan, reason);
}

int32_t PrepareReferenceGroupedGrad(const tsr_kernel_call* call, tsr_kernel_plan* plan,
                                    char* reason) {
  GroupedShape shape;
  if (ReadGroupedGradShape(call, &shape, reason) != 0) return 1;
  return Ready(shape, Pick<true>(shape.in, shape.out), shape.experts * shape.inner, plan, reason);
}

}  // namespace tessera::cpu::dense
