// Vector kernels that sum: reduce_sum and reduce_mean over trailing or leading dims (f32, bf16),
// sum_of_squares (f32, bf16), embedding_grad (sums in fp32). Rules: the files of the ops.
// Thread-safe.
#pragma once

#include <cstdint>

#include "cpp/device/backend.h"

namespace tessera::cpu::vector {

enum class SumKind { kRows, kLongRows, kColumns, kSquares, kEmbeddingGrad };

// A reduction over leading or trailing dims.
struct SumShape {
  static constexpr int64_t kChunkRows = 256;  // of sums over leading dims
  static constexpr int64_t kColumns = 256;

  int64_t kept = 0;
  int64_t reduced = 0;
  double factor = 1;  // 1 / reduced for means
};

int32_t PrepareReduceSum(const tsr_kernel_call* call, tsr_kernel_plan* plan, char* reason);
int32_t PrepareReduceMean(const tsr_kernel_call* call, tsr_kernel_plan* plan, char* reason);
int32_t PrepareSumOfSquares(const tsr_kernel_call* call, tsr_kernel_plan* plan, char* reason);
int32_t PrepareEmbeddingGrad(const tsr_kernel_call* call, tsr_kernel_plan* plan, char* reason);

}  // namespace tessera::cpu::vector
