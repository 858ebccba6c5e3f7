#include "cpp/tensor/tensor_pages.h"

#include <utility>

#include "cpp/base/status_macros.h"
#include "cpp/tensor/zero_pages.h"

namespace tessera {
namespace {

constexpr size_t kBlockBytes = size_t{32} << 20;
// Smaller ones stay out, so that a small model does not take a block.
constexpr size_t kLeastBytes = size_t{64} << 10;
constexpr size_t kAlign = 64;

// With AddressSanitizer every tensor has memory of its own, whose ends it watches.
#if defined(__SANITIZE_ADDRESS__)
constexpr bool kShares = false;
#else
constexpr bool kShares = true;
#endif

}  // namespace

absl::StatusOr<Tensor> TensorPages::Zeros(DType dtype, std::vector<int64_t> dims) {
  ASSIGN_OR_RETURN(const int64_t count, ElementCount(dims));
  const auto elements = static_cast<size_t>(count);
  // Those of kLargeBytes have pages of their own.
  if (!kShares || elements >= kLargeBytes / SizeOf(dtype) ||
      elements * SizeOf(dtype) < kLeastBytes) {
    return Tensor::Zeros(dtype, std::move(dims));
  }
  const size_t bytes = (elements * SizeOf(dtype) + kAlign - 1) / kAlign * kAlign;
  if (block_ == nullptr || block_->bytes() - used_ < bytes) {
    ASSIGN_OR_RETURN(block_, Buffer::Allocate(kBlockBytes));
    used_ = 0;
  }
  Tensor tensor;
  tensor.dtype = dtype;
  tensor.dims = std::move(dims);
  tensor.buffer = block_;
  tensor.offset_bytes = used_;
  used_ += bytes;
  return tensor;
}

}  // namespace tessera
