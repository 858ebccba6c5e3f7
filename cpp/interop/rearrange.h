// Rearrangements of tensor data between the layouts of two libraries: whole elements move, no value
// changes.
//
// Tensors are dense and row-major, of any dtype. Dims are checked by the caller (tensor_map.h):
// RET_CHECK otherwise. RESOURCE_EXHAUSTED without memory. Pure functions; thread-safe.
#pragma once

#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "cpp/tensor/tensor.h"

namespace tessera {

// Swaps the last two dims.
absl::StatusOr<Tensor> TransposeLastTwo(const Tensor& tensor);

// `size` rows along `dim`: begin, begin + step, ...
absl::StatusOr<Tensor> TakePart(const Tensor& tensor, size_t dim, int64_t begin, int64_t size,
                                int64_t step);

// The inverse: writes `part` into `whole` along `dim` at begin, begin + step, ...
absl::Status PutPart(const Tensor& part, size_t dim, int64_t begin, int64_t step, Tensor& whole);

// A tensor with one dim of size 1 more in front, or without it; shares the data.
Tensor WithFrontDim(Tensor tensor);
Tensor WithoutFrontDim(Tensor tensor);

// Rows [heads, d] of the dim `dim` in the order that pairs neighbours (GGUF's llama) as rows that
// pair halves, and back: row 2i + k of a head becomes row k * d/2 + i.
absl::StatusOr<Tensor> PairsToHalves(const Tensor& tensor, size_t dim, int64_t heads);
absl::StatusOr<Tensor> HalvesToPairs(const Tensor& tensor, size_t dim, int64_t heads);

}  // namespace tessera
