// gather: slices of x along a dim that the indices name; an index outside gives zeros.
// scatter_add: base, with slices of updates added in the order of the indices; outside: ignored.
//
// Legend: x and base are [O, n, I]; updates and the result of gather are [O, k, I] for k indices.
#include <cstring>

#include "kernels/cpu/internal/call.h"
#include "kernels/cpu/internal/convert.h"

namespace tessera::cpu {
namespace {

struct Sizes {
  int64_t outer = 1;
  int64_t n = 0;
  int64_t k = 0;
  int64_t inner = 1;
};

bool ReadSizes(const tsr_kernel_call* call, const tsr_operand& indices, Sizes* sizes,
               char* reason) {
  const tsr_operand& x = call->inputs[0];
  const int dim = DimAttr(call, "dim", x.rank);
  if (dim < 0 || dim >= x.rank) {
    Decline(reason, "the dim is not one of the operand");
    return false;
  }
  if (!IsIndex(indices)) {
    Decline(reason, "indices must be i32 or i64");
    return false;
  }
  *sizes = {CountDims(x, 0, dim), x.dims[dim], Count(indices), CountDims(x, dim + 1, x.rank)};
  return true;
}

// Rows of the result are slices of `inner` elements.
template <class T>
void RunGather(const tsr_kernel_call* call, const tsr_kernel_plan* plan, int32_t, int64_t task) {
  const auto sizes = Params<Sizes>(plan);
  const Range rows = RowsOf(task, sizes.outer * sizes.k, sizes.inner);
  for (int64_t row = rows.begin; row < rows.end; ++row) {
    const int64_t index = IndexAt(call->inputs[1], row % sizes.k);
    T* y = Out<T>(call, 0) + row * sizes.inner;
    if (index < 0 || index >= sizes.n) {
      std::fill_n(y, sizes.inner, T(0));
    } else {
      std::copy_n(In<T>(call, 0) + (row / sizes.k * sizes.n + index) * sizes.inner, sizes.inner,
                  y);
    }
  }
}

int32_t PrepareGather(const tsr_kernel_call* call, tsr_kernel_plan* plan, char* reason) {
  Sizes sizes;
  if (!HasOperands(call, 2, 1, reason) || !ReadSizes(call, call->inputs[1], &sizes, reason)) {
    return 1;
  }
  SetParams(plan, sizes);
  const tsr_kernel_run run = PickBytes(TypeOf(call->inputs[0]),
                                       []<class T>() -> tsr_kernel_run { return RunGather<T>; });
  return Ready(plan, run, RowTasks(sizes.outer * sizes.k, sizes.inner), reason);
}

// Columns of one task: a block of `inner`, wide enough for whole lines of memory.
constexpr int64_t kColumns = 512;

// A task owns a block of columns of one outer index, so that sums keep the order of the indices.
// Short floats are summed in fp32 in the workspace, which has the layout of the result.
template <class T>
void RunScatterAdd(const tsr_kernel_call* call, const tsr_kernel_plan* plan, int32_t,
                   int64_t task) {
  const auto sizes = Params<Sizes>(plan);
  using S = Compute<T>;
  const int64_t blocks = CeilDiv(sizes.inner, kColumns);
  const int64_t outer = task / blocks, left = task % blocks * kColumns;
  const int64_t width = std::min(kColumns, sizes.inner - left);
  const int64_t origin = outer * sizes.n * sizes.inner + left;
  const T* base = In<T>(call, 0) + origin;
  const T* updates = In<T>(call, 2) + outer * sizes.k * sizes.inner + left;
  T* y = Out<T>(call, 0) + origin;
  S* sums = std::is_same_v<S, T> ? reinterpret_cast<S*>(y)
                                 : static_cast<S*>(call->workspace) + origin;
  for (int64_t row = 0; row < sizes.n; ++row) {
    for (int64_t c = 0; c < width; ++c) {
      sums[row * sizes.inner + c] = Get(base[row * sizes.inner + c]);
    }
  }
  for (int64_t i = 0; i < sizes.k; ++i) {
    const int64_t index = IndexAt(call->inputs[1], i);
    if (index < 0 || index >= sizes.n) continue;
    for (int64_t c = 0; c < width; ++c) {
      S& sum = sums[index * sizes.inner + c];
      if constexpr (std::is_integral_v<S>) {
        sum = WrapAdd(sum, updates[i * sizes.inner + c]);
      } else {
        sum += Get(updates[i * sizes.inner + c]);
      }
    }
  }
  if constexpr (!std::is_same_v<S, T>) {
    for (int64_t row = 0; row < sizes.n; ++row) {
      for (int64_t c = 0; c < width; ++c) {
        Put<T>(sums[row * sizes.inner + c], &y[row * sizes.inner + c]);
      }
    }
  }
}

int32_t PrepareScatterAdd(const tsr_kernel_call* call, tsr_kernel_plan* plan, char* reason) {
  Sizes sizes;
  if (!HasOperands(call, 3, 1, reason) || !ReadSizes(call, call->inputs[1], &sizes, reason)) {
    return 1;
  }
  SetParams(plan, sizes);
  const DType dtype = TypeOf(call->inputs[0]);
  const tsr_kernel_run run =
      PickNumber(dtype, []<class T>() -> tsr_kernel_run { return RunScatterAdd<T>; });
  const int64_t tasks = sizes.n == 0 ? 0 : sizes.outer * CeilDiv(sizes.inner, kColumns);
  if (Ready(plan, run, tasks, reason) != 0) return 1;
  if (dtype == DType::kBF16 || dtype == DType::kF16) {
    plan->workspace_bytes = static_cast<size_t>(Count(call->outputs[0])) * sizeof(float);
  }
  return 0;
}

}  // namespace

void RegisterGatherKernels(KernelSink& sink) {
  AddReference<"gather">(sink, PrepareGather);
  AddReference<"scatter_add">(sink, PrepareScatterAdd);
}

}  // namespace tessera::cpu
