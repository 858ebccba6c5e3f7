// Boxes: parts of tensors, given as an offset and a size for every dim.
//
// The arithmetic of saving and loading parts; what a mesh makes of a tensor is decided elsewhere
// (shard/). Pure functions.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "absl/types/span.h"
#include "cpp/tensor/dtype.h"

namespace tessera {

using Dims = absl::Span<const int64_t>;

// Bytes of a dense box; nothing when a dim is negative or the product exceeds 63 bits. A dim of 0
// does not excuse the others.
std::optional<int64_t> BoxBytes(DType dtype, Dims size);

// Whether the box lies in a tensor of these dims. All three have the same length.
bool BoxLiesIn(Dims dims, Dims offset, Dims size);

// Whether two boxes have an element in common.
bool BoxesOverlap(Dims offset_a, Dims size_a, Dims offset_b, Dims size_b);

// Whether the box is the whole tensor.
bool IsWholeBox(Dims dims, Dims offset, Dims size);

// "[0:2,4:8]", begin and end per dim.
std::string BoxText(Dims offset, Dims size);

}  // namespace tessera
