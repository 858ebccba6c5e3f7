// What dispatch, combine and combine_dot do with rows, f32 and bf16, by the call's instruction set.
// Products and sums are rounded one by one and added in the order of the scalar code, so that every
// instruction set gives the same bits. Thread-safe.
#pragma once

#include "cpp/device/backend.h"
#include "cpp/tensor/dtype.h"

namespace tessera::cpu::vector {

// All rows have |n| elements.
struct RoutedRows {
  // y = weight * x
  void (*scale)(const void* x, float weight, int64_t n, void* y);
  // y = the sum over |count| rows of weight * row, in their order; zeros without rows.
  void (*combine)(const void* const* rows, const float* weights, int64_t count, int64_t n,
                  void* y);
  // The sum of x * y: kDotLanes interleaved parts, added in a fixed tree.
  float (*dot)(const void* x, const void* y, int64_t n);
};
inline constexpr int64_t kDotLanes = 16;

// NULL for other dtypes.
const RoutedRows* PickRoutedRows(const tsr_kernel_call* call, DType dtype);

}  // namespace tessera::cpu::vector
