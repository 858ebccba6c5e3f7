// Products with few rows (decoding): the right matrix is read once, in place, and never packed.
//
// Phase 0 widens the left rows to fp32 in the workspace; phase 1 tasks are blocks of columns. Sums
// run over k in rising order where columns are contiguous; where k is contiguous, lane i of a
// vector sums every k that is i modulo the lane count, and lanes are added in a fixed tree. Both
// depend on the shape and the instruction set only. Thread-safe: no state.
#pragma once

#include "kernels/cpu/gemm/shape.h"

namespace tessera::cpu::dense {

inline constexpr int64_t kFewRows = 7;            // at most
inline constexpr int64_t kFewRowsColumns = 128;  // of a task

// The columns [begin, end) of one product. Element (k, column) of the right matrix lies at
// rhs[k * k_step + column * column_step].
struct FewRows {
  const float* lhs;  // [rows, k]
  const void* rhs;
  void* out;
  int64_t rows;
  int64_t k;
  int64_t k_step;
  int64_t column_step;
  int64_t out_step;
  int64_t begin;
  int64_t end;
};
using FewRowsRun = void (*)(const FewRows& work);

// By type of the right matrix and of the result.
struct FewRowsKernel {
  FewRowsRun f32_f32;
  FewRowsRun f32_bf16;
  FewRowsRun bf16_f32;
  FewRowsRun bf16_bf16;
};
extern const FewRowsKernel kFewRowsAvx2;
extern const FewRowsKernel kFewRowsAvx512;
extern const FewRowsKernel kFewRowsNeon;

int32_t PlanFewRows(const MatmulShape& shape, const FewRowsKernel& kernel, tsr_kernel_plan* plan,
                    char* reason);

}  // namespace tessera::cpu::dense
