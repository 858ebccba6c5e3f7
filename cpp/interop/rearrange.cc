#include "cpp/interop/rearrange.h"

#include <algorithm>
#include <cstring>

#include "cpp/base/status_macros.h"

namespace tessera {
namespace {

// A tensor seen around one dim: `outer` blocks of `size` rows of `row_bytes`.
struct Around {
  size_t outer = 1, size = 0, row_bytes = 0;
};

Around SeenAround(const Tensor& tensor, size_t dim) {
  Around around;
  for (size_t i = 0; i < dim; ++i) around.outer *= static_cast<size_t>(tensor.dims[i]);
  around.size = static_cast<size_t>(tensor.dims[dim]);
  around.row_bytes = SizeOf(tensor.dtype);
  for (size_t i = dim + 1; i < tensor.dims.size(); ++i) {
    around.row_bytes *= static_cast<size_t>(tensor.dims[i]);
  }
  return around;
}

// In tiles, so that neither side is walked across cache lines all the way.
template <typename T>
void TransposeMatrix(const T* from, size_t rows, size_t columns, T* to) {
  constexpr size_t kTile = 32;
  for (size_t r0 = 0; r0 < rows; r0 += kTile) {
    const size_t r1 = std::min(r0 + kTile, rows);
    for (size_t c0 = 0; c0 < columns; c0 += kTile) {
      const size_t c1 = std::min(c0 + kTile, columns);
      for (size_t c = c0; c < c1; ++c) {
        for (size_t r = r0; r < r1; ++r) to[c * rows + r] = from[r * columns + c];
      }
    }
  }
}

template <typename T>
void TransposeAll(const Tensor& from, size_t rows, size_t columns, Tensor& to) {
  const size_t size = rows * columns;
  const size_t count = size == 0 ? 0 : static_cast<size_t>(from.count()) / size;
  for (size_t i = 0; i < count; ++i) {
    TransposeMatrix(from.data_as<const T>() + i * size, rows, columns, to.data_as<T>() + i * size);
  }
}

// `to_halves`: row 2i + k of a head becomes row k * d/2 + i; else the way back.
absl::StatusOr<Tensor> PermuteHeads(const Tensor& tensor, size_t dim, int64_t heads,
                                    bool to_halves) {
  RET_CHECK(dim < tensor.dims.size() && heads > 0 && tensor.dims[dim] % (2 * heads) == 0);
  ASSIGN_OR_RETURN(Tensor result, Tensor::Zeros(tensor.dtype, tensor.dims));
  const Around around = SeenAround(tensor, dim);
  const size_t width = around.size / static_cast<size_t>(heads);
  const char* from = tensor.data_as<const char>();
  char* to = result.data_as<char>();
  for (size_t block = 0; block < around.outer * static_cast<size_t>(heads); ++block) {
    for (size_t i = 0; i < width / 2; ++i) {
      for (size_t k = 0; k < 2; ++k) {
        const size_t pair = block * width + 2 * i + k;
        const size_t half = block * width + k * (width / 2) + i;
        std::memcpy(to + (to_halves ? half : pair) * around.row_bytes,
                    from + (to_halves ? pair : half) * around.row_bytes, around.row_bytes);
      }
    }
  }
  return result;
}

}  // namespace

absl::StatusOr<Tensor> TransposeLastTwo(const Tensor& tensor) {
  const size_t rank = tensor.dims.size();
  RET_CHECK(rank >= 2) << tensor.TypeText();
  std::vector<int64_t> dims = tensor.dims;
  std::swap(dims[rank - 1], dims[rank - 2]);
  ASSIGN_OR_RETURN(Tensor result, Tensor::Zeros(tensor.dtype, std::move(dims)));
  const auto rows = static_cast<size_t>(tensor.dims[rank - 2]);
  const auto columns = static_cast<size_t>(tensor.dims[rank - 1]);
  switch (SizeOf(tensor.dtype)) {
    case 1: TransposeAll<uint8_t>(tensor, rows, columns, result); break;
    case 2: TransposeAll<uint16_t>(tensor, rows, columns, result); break;
    case 4: TransposeAll<uint32_t>(tensor, rows, columns, result); break;
    default: TransposeAll<uint64_t>(tensor, rows, columns, result); break;
  }
  return result;
}

absl::StatusOr<Tensor> TakePart(const Tensor& tensor, size_t dim, int64_t begin, int64_t size,
                                int64_t step) {
  RET_CHECK(dim < tensor.dims.size() && begin >= 0 && size >= 0 && step > 0 &&
            (size == 0 || begin + (size - 1) * step < tensor.dims[dim]));
  std::vector<int64_t> dims = tensor.dims;
  dims[dim] = size;
  ASSIGN_OR_RETURN(Tensor part, Tensor::Zeros(tensor.dtype, std::move(dims)));
  if (part.bytes() == 0) return part;
  const Around around = SeenAround(tensor, dim);
  const auto rows = static_cast<size_t>(size);
  for (size_t o = 0; o < around.outer; ++o) {
    const char* from = tensor.data_as<const char>() +
                       (o * around.size + static_cast<size_t>(begin)) * around.row_bytes;
    char* to = part.data_as<char>() + o * rows * around.row_bytes;
    if (step == 1) {
      std::memcpy(to, from, rows * around.row_bytes);
      continue;
    }
    for (size_t i = 0; i < rows; ++i) {
      std::memcpy(to + i * around.row_bytes,
                  from + i * static_cast<size_t>(step) * around.row_bytes, around.row_bytes);
    }
  }
  return part;
}

absl::Status PutPart(const Tensor& part, size_t dim, int64_t begin, int64_t step, Tensor& whole) {
  RET_CHECK(dim < whole.dims.size() && part.dims.size() == whole.dims.size() &&
            part.dtype == whole.dtype && begin >= 0 && step > 0);
  if (part.bytes() == 0) return absl::OkStatus();
  const Around from = SeenAround(part, dim);
  const Around to = SeenAround(whole, dim);
  RET_CHECK(from.outer == to.outer && from.row_bytes == to.row_bytes &&
            (from.size == 0 ||
             begin + static_cast<int64_t>(from.size - 1) * step < whole.dims[dim]));
  for (size_t o = 0; o < from.outer; ++o) {
    for (size_t i = 0; i < from.size; ++i) {
      const size_t row = static_cast<size_t>(begin) + i * static_cast<size_t>(step);
      std::memcpy(whole.data_as<char>() + (o * to.size + row) * to.row_bytes,
                  part.data_as<const char>() + (o * from.size + i) * from.row_bytes,
                  from.row_bytes);
    }
  }
  return absl::OkStatus();
}

Tensor WithFrontDim(Tensor tensor) {
  tensor.dims.insert(tensor.dims.begin(), 1);
  return tensor;
}

Tensor WithoutFrontDim(Tensor tensor) {
  tensor.dims.erase(tensor.dims.begin());
  return tensor;
}

absl::StatusOr<Tensor> PairsToHalves(const Tensor& tensor, size_t dim, int64_t heads) {
  return PermuteHeads(tensor, dim, heads, true);
}

absl::StatusOr<Tensor> HalvesToPairs(const Tensor& tensor, size_t dim, int64_t heads) {
  return PermuteHeads(tensor, dim, heads, false);
}

}  // namespace tessera
