#include "cpp/ckpt/box.h"

#include "absl/numeric/int128.h"
#include "absl/strings/str_cat.h"

namespace tessera {

std::optional<int64_t> BoxBytes(DType dtype, Dims size) {
  int64_t bytes = static_cast<int64_t>(SizeOf(dtype));
  bool is_empty = false;
  for (int64_t dim : size) {
    if (dim < 0) return std::nullopt;
    if (dim == 0) {
      is_empty = true;
    } else if (__builtin_mul_overflow(bytes, dim, &bytes)) {
      return std::nullopt;
    }
  }
  return is_empty ? 0 : bytes;
}

bool BoxLiesIn(Dims dims, Dims offset, Dims size) {
  for (size_t i = 0; i < dims.size(); ++i) {
    if (offset[i] < 0 || size[i] < 0 || offset[i] > dims[i] || size[i] > dims[i] - offset[i]) {
      return false;
    }
  }
  return true;
}

bool BoxesOverlap(Dims offset_a, Dims size_a, Dims offset_b, Dims size_b) {
  for (size_t i = 0; i < offset_a.size(); ++i) {
    if (offset_a[i] + size_a[i] <= offset_b[i] || offset_b[i] + size_b[i] <= offset_a[i]) {
      return false;
    }
    if (size_a[i] == 0 || size_b[i] == 0) return false;
  }
  return true;
}

bool IsWholeBox(Dims dims, Dims offset, Dims size) {
  for (size_t i = 0; i < dims.size(); ++i) {
    if (offset[i] != 0 || size[i] != dims[i]) return false;
  }
  return true;
}

std::string BoxText(Dims offset, Dims size) {
  std::string text = "[";
  for (size_t i = 0; i < offset.size(); ++i) {
    // Damaged boxes are shown too, and their ends may not fit into 64 bits.
    absl::StrAppend(&text, i == 0 ? "" : ",", offset[i], ":", absl::int128(offset[i]) + size[i]);
  }
  return absl::StrCat(text, "]");
}

}  // namespace tessera
