// y = x with its dims in another order: dim i of y is dim perm[i] of x.
//
// Dims that stay neighbours in order are merged first. When the innermost dim of y is strided in x,
// blocks of both innermost dims are moved together, so that lines of memory are used whole.
#include <cstring>

#include "kernels/cpu/internal/call.h"

namespace tessera::cpu {
namespace {

// The loops over y: sizes and where each dim steps in x.
struct Loops {
  int rank = 0;
  int64_t dims[TSR_MAX_DIMS] = {};
  int64_t strides[TSR_MAX_DIMS] = {};
};

Loops LoopsOf(const tsr_operand& x, const int64_t* perm) {
  Loops loops;
  for (int d = 0; d < x.rank; ++d) {
    const int from = static_cast<int>(perm[d]);
    const int64_t size = x.dims[from], stride = CountDims(x, from + 1, x.rank);
    if (size == 1) continue;
    const int last = loops.rank - 1;
    if (last >= 0 && loops.strides[last] == stride * size) {
      loops.dims[last] *= size;
      loops.strides[last] = stride;
    } else {
      loops.dims[loops.rank] = size;
      loops.strides[loops.rank++] = stride;
    }
  }
  if (loops.rank == 0) loops = {1, {1}, {1}};
  return loops;
}

// Rows of y (its innermost merged dim) [begin, end): runs when x is contiguous there, and otherwise
// tiles of 8 rows, whose reads fall into the same lines when the second innermost dim is x's last.
template <class T>
void RunTranspose(const tsr_kernel_call* call, const tsr_kernel_plan* plan, int32_t,
                  int64_t task) {
  const auto loops = Params<Loops>(plan);
  const int64_t cols = loops.dims[loops.rank - 1], stride = loops.strides[loops.rank - 1];
  const Range rows = RowsOf(task, Count(call->outputs[0]) / cols, cols);
  constexpr int64_t kTile = 32;
  const T* sources[kTile];
  for (int64_t first = rows.begin; first < rows.end; first += kTile) {
    const int64_t height = std::min(kTile, rows.end - first);
    for (int64_t r = 0; r < height; ++r) {
      int64_t rest = first + r, offset = 0;
      for (int d = loops.rank - 2; d >= 0; --d) {
        offset += rest % loops.dims[d] * loops.strides[d];
        rest /= loops.dims[d];
      }
      sources[r] = In<T>(call, 0) + offset;
    }
    T* y = Out<T>(call, 0) + first * cols;
    if (stride == 1) {
      for (int64_t r = 0; r < height; ++r) std::copy_n(sources[r], cols, y + r * cols);
      continue;
    }
    for (int64_t left = 0; left < cols; left += kTile) {
      const int64_t right = std::min(cols, left + kTile);
      for (int64_t r = 0; r < height; ++r) {
        for (int64_t c = left; c < right; ++c) y[r * cols + c] = sources[r][c * stride];
      }
    }
  }
}

int32_t Prepare(const tsr_kernel_call* call, tsr_kernel_plan* plan, char* reason) {
  if (!HasOperands(call, 1, 1, reason)) return 1;
  const tsr_operand& x = call->inputs[0];
  const tsr_attr* perm = FindAttr(call, "perm");
  if (perm == nullptr || perm->count != x.rank || call->outputs[0].rank != x.rank) {
    return Decline(reason, "perm must name every dim of the operand once");
  }
  unsigned seen = 0;
  for (int d = 0; d < x.rank; ++d) {
    if (perm->ints[d] < 0 || perm->ints[d] >= x.rank) return Decline(reason, "no dim of x");
    seen |= 1u << perm->ints[d];
  }
  if (seen != (1u << x.rank) - 1) return Decline(reason, "perm names a dim twice");
  const Loops loops = LoopsOf(x, perm->ints);
  SetParams(plan, loops);
  const int64_t cols = loops.dims[loops.rank - 1];
  const int64_t rows = cols == 0 ? 0 : Count(x) / cols;
  const tsr_kernel_run run = PickBytes(TypeOf(x), []<class T>() -> tsr_kernel_run {
    return RunTranspose<T>;
  });
  return Ready(plan, run, RowTasks(rows, cols), reason);
}

}  // namespace

void RegisterTransposeKernels(KernelSink& sink) { AddReference<"transpose">(sink, Prepare); }

}  // namespace tessera::cpu
