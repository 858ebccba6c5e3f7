// MatmulShape: what a matmul call asks for, reduced to a batch of C[m, n] = A[m, k] B[k, n].
//
// Reads operands and attributes once, when a program is specialised, and refuses what the op does
// not define. It chooses no kernel and no block sizes. Thread-safe: plain data.
#pragma once

#include "kernels/cpu/internal/elements.h"

namespace tessera::cpu::dense {

struct MatmulShape {
  int64_t batch = 1;
  int64_t m = 0;
  int64_t n = 0;
  int64_t k = 0;
  // Elements from one matrix of the batch to the next; 0 where all share one.
  int64_t lhs_step = 0;
  int64_t rhs_step = 0;
  // Element (row, k) of A lies at row * lhs_row + k * lhs_k, element (k, column) of B at
  // k * rhs_k + column * rhs_column; one stride of each is 1.
  int64_t lhs_row = 0;
  int64_t lhs_k = 0;
  int64_t rhs_k = 0;
  int64_t rhs_column = 0;
  DType lhs = DType::kF32;
  DType rhs = DType::kF32;
  DType out = DType::kF32;
};

// Fills |shape| and returns 0, or writes |reason| and returns 1.
int32_t ReadMatmulShape(const tsr_kernel_call* call, MatmulShape* shape, char* reason);

}  // namespace tessera::cpu::dense
