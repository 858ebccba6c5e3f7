// What dispatch, combine and combine_dot do with rows, f32 and bf16, by the call's instruction set.
// Products and sums are rounded one by one and added in the order of the scalar code, so that every
// instruction set gives the same bits. Thread-safe.
#pragma once

#include "cpp/device/backend.h"
#include "cpp/tensor/dtype.h"

namespace tessera::cpu::vector {

// All rows have |n| elements. S: the type of sums.
template <class S>
struct RoutedRows {
  // y = weight * x
  void (*scale)(const void* x, S weight, int64_t n, void* y);
  // sums += weight * x
  void (*add)(const void* x, S weight, int64_t n, S* sums);
  // y = sums
  void (*store)(const S* sums, int64_t n, void* y);
  // The sum of x * y: kDotLanes interleaved parts, so that the loop is several chains; AddParts.
  S (*dot)(const void* x, const void* y, int64_t n);
};
inline constexpr int64_t kDotLanes = 16;

// The parts in a fixed tree.
template <class S>
S AddParts(S (&parts)[kDotLanes]) {
  for (int64_t half = kDotLanes / 2; half > 0; half /= 2) {
    for (int64_t part = 0; part < half; ++part) parts[part] += parts[part + half];
  }
  return parts[0];
}

// NULL for other dtypes.
const RoutedRows<float>* PickRoutedRows(const tsr_kernel_call* call, DType dtype);

}  // namespace tessera::cpu::vector
