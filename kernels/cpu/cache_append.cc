// The cache[B, S, G, D] with the rows x[B, T, G, D] written at index start[B] and on; rows outside
// [0, S) are dropped. The result is the cache's own memory, or a copy of it where it is not.
#include <cstring>

#include "kernels/cpu/internal/call.h"

namespace tessera::cpu {
namespace {

template <class T>
void Run(const tsr_kernel_call* call, const tsr_kernel_plan*, int32_t, int64_t task) {
  const tsr_operand& cache = call->inputs[0];
  const tsr_operand& x = call->inputs[1];
  const int64_t size = cache.dims[1], count = x.dims[1], row = CountDims(cache, 2, 4);
  T* to = Out<T>(call, 0) + task * size * row;
  const T* old = In<T>(call, 0) + task * size * row;
  if (to != old) std::memcpy(to, old, static_cast<size_t>(size * row) * sizeof(T));
  const int64_t start = In<int32_t>(call, 2)[task];
  const int64_t first = std::max<int64_t>(0, -start), last = std::min(count, size - start);
  if (first >= last) return;
  std::memcpy(to + (start + first) * row, In<T>(call, 1) + (task * count + first) * row,
              static_cast<size_t>((last - first) * row) * sizeof(T));
}

int32_t Prepare(const tsr_kernel_call* call, tsr_kernel_plan* plan, char* reason) {
  if (!HasOperands(call, 3, 1, reason)) return 1;
  const tsr_operand& cache = call->inputs[0];
  const tsr_operand& x = call->inputs[1];
  if (cache.rank != 4 || x.rank != 4 || cache.dims[0] != x.dims[0] ||
      cache.dims[2] != x.dims[2] || cache.dims[3] != x.dims[3] ||
      TypeOf(call->inputs[2]) != DType::kI32 || Count(call->inputs[2]) != cache.dims[0]) {
    return Decline(reason, "needs cache[B, S, G, D], x[B, T, G, D] and i32 start[B]");
  }
  const tsr_kernel_run run =
      PickBytes(TypeOf(cache), []<class T>() -> tsr_kernel_run { return Run<T>; });
  return Ready(plan, run, cache.dims[0], reason);
}

}  // namespace

void RegisterCacheAppendKernels(KernelSink& sink) {
  AddReference<"cache_append">(sink, Prepare, kInPlace0);
}

}  // namespace tessera::cpu
