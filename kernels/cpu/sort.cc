// sort and top_k along the last dim: values, and where they stood as i32.
//
// NaN counts as lowest; of equal values the one that came first stays first. Order by (value,
// index) is total, so that unstable sorting in place gives the stable result without memory of its
// own. top_k keeps a heap of the k best in the result itself.
#include <algorithm>

#include "kernels/cpu/internal/call.h"

namespace tessera::cpu {
namespace {

// Is x below y? NaN is below everything else.
template <class S>
bool Below(S x, S y) {
  if (x != x) return y == y;
  return x < y;
}

template <class T>
struct Rising {
  const T* x;
  bool operator()(int32_t a, int32_t b) const {
    const auto u = Get(x[a]), v = Get(x[b]);
    if (Below(u, v)) return true;
    return !Below(v, u) && a < b;
  }
};
template <class T>
struct Falling {
  const T* x;
  bool operator()(int32_t a, int32_t b) const {
    const auto u = Get(x[a]), v = Get(x[b]);
    if (Below(v, u)) return true;
    return !Below(u, v) && a < b;
  }
};

template <class T>
void RunSort(const tsr_kernel_call* call, const tsr_kernel_plan*, int32_t, int64_t task) {
  const int64_t cols = LastDim(call->inputs[0]);
  const bool descending = BoolAttr(call, "descending");
  const Range rows = RowsOf(task, Rows(call->inputs[0]), cols);
  for (int64_t row = rows.begin; row < rows.end; ++row) {
    const T* x = In<T>(call, 0) + row * cols;
    int32_t* indices = Out<int32_t>(call, 1) + row * cols;
    for (int64_t i = 0; i < cols; ++i) indices[i] = static_cast<int32_t>(i);
    if (descending) {
      std::sort(indices, indices + cols, Falling<T>{x});
    } else {
      std::sort(indices, indices + cols, Rising<T>{x});
    }
    for (int64_t i = 0; i < cols; ++i) Out<T>(call, 0)[row * cols + i] = x[indices[i]];
  }
}

template <class T>
void RunTopK(const tsr_kernel_call* call, const tsr_kernel_plan*, int32_t, int64_t task) {
  const int64_t cols = LastDim(call->inputs[0]), k = LastDim(call->outputs[0]);
  const Range rows = RowsOf(task, Rows(call->inputs[0]), cols);
  for (int64_t row = rows.begin; row < rows.end; ++row) {
    const T* x = In<T>(call, 0) + row * cols;
    const Falling<T> better{x};
    int32_t* best = Out<int32_t>(call, 1) + row * k;
    // With "better" as the order, the top of the heap is the worst of those kept.
    for (int64_t i = 0; i < cols && k > 0; ++i) {
      const int32_t index = static_cast<int32_t>(i);
      if (i < k) {
        best[i] = index;
        std::push_heap(best, best + i + 1, better);
      } else if (better(index, best[0])) {
        std::pop_heap(best, best + k, better);
        best[k - 1] = index;
        std::push_heap(best, best + k, better);
      }
    }
    std::sort_heap(best, best + k, better);
    for (int64_t i = 0; i < k; ++i) Out<T>(call, 0)[row * k + i] = x[best[i]];
  }
}

bool Fits(const tsr_kernel_call* call, char* reason) {
  if (!HasOperands(call, 1, 2, reason)) return false;
  if (call->inputs[0].rank >= 1 && LastDim(call->inputs[0]) <= INT32_MAX &&
      LastDim(call->outputs[0]) <= LastDim(call->inputs[0])) {
    return true;
  }
  Decline(reason, "the last dim must be there and fit 32-bit indices");
  return false;
}

int32_t PrepareSort(const tsr_kernel_call* call, tsr_kernel_plan* plan, char* reason) {
  if (!Fits(call, reason)) return 1;
  const tsr_operand& x = call->inputs[0];
  const tsr_kernel_run run =
      PickNumber(TypeOf(x), []<class T>() -> tsr_kernel_run { return RunSort<T>; });
  return Ready(plan, run, RowTasks(Rows(x), LastDim(x)), reason);
}

int32_t PrepareTopK(const tsr_kernel_call* call, tsr_kernel_plan* plan, char* reason) {
  if (!Fits(call, reason)) return 1;
  const tsr_operand& x = call->inputs[0];
  const tsr_kernel_run run =
      PickNumber(TypeOf(x), []<class T>() -> tsr_kernel_run { return RunTopK<T>; });
  return Ready(plan, run, RowTasks(Rows(x), LastDim(x)), reason);
}

}  // namespace

void RegisterSortKernels(KernelSink& sink) {
  AddReference<"sort">(sink, PrepareSort);
  AddReference<"top_k">(sink, PrepareTopK);
}

}  // namespace tessera::cpu
