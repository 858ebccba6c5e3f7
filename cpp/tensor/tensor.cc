#include "cpp/tensor/tensor.h"

#include <cstdlib>
#include <new>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "cpp/base/status_macros.h"
#include "cpp/tensor/zero_pages.h"

namespace tessera {

Buffer::Buffer(void* data, size_t bytes, std::function<void()> release)
    : data_(data), bytes_(bytes), release_(std::move(release)) {}

Buffer::~Buffer() {
  if (release_) release_();
}

absl::StatusOr<std::shared_ptr<Buffer>> Buffer::Allocate(size_t bytes) {
  if (bytes >= kLargeBytes) {
    const auto unmap = [bytes](void* pages) { UnmapZeroPages(pages, bytes); };
    std::unique_ptr<void, decltype(unmap)> pages(MapZeroPages(bytes), unmap);
    if (pages != nullptr) {
      std::shared_ptr<Buffer> buffer =
          Wrap(pages.get(), bytes, [data = pages.get(), bytes] { UnmapZeroPages(data, bytes); });
      pages.release();
      return buffer;
    }
  }
  // calloc leaves large zero pages to the kernel: a buffer that is never touched costs nothing.
  constexpr size_t kAlign = 64;
  if (bytes > SIZE_MAX - 2 * kAlign) {
    return absl::ResourceExhaustedError(absl::StrCat("buffer: ", bytes, " bytes is too large"));
  }
  std::unique_ptr<void, void (*)(void*)> owner(std::calloc(1, bytes + 2 * kAlign), std::free);
  void* raw = owner.get();
  if (raw == nullptr) {
    return absl::ResourceExhaustedError(absl::StrCat("buffer: no memory for ", bytes, " bytes"));
  }
  const uintptr_t aligned = (reinterpret_cast<uintptr_t>(raw) + kAlign - 1) & ~(kAlign - 1);
  std::unique_ptr<Buffer> buffer(
      new Buffer(reinterpret_cast<void*>(aligned), bytes, [raw] { std::free(raw); }));
  owner.release();
  return std::shared_ptr<Buffer>(std::move(buffer));
}

std::shared_ptr<Buffer> Buffer::Wrap(void* data, size_t bytes, std::function<void()> release) {
  return std::shared_ptr<Buffer>(new Buffer(data, bytes, std::move(release)));
}

absl::StatusOr<int64_t> ElementCount(absl::Span<const int64_t> dims) {
  int64_t count = 1;
  bool empty = false;
  for (int64_t dim : dims) {
    if (dim < 0) {
      return absl::InvalidArgumentError(absl::StrCat("dims: expected at least 0, got [",
                                                     absl::StrJoin(dims, ","), "]"));
    }
    if (dim == 0) {
      empty = true;
    } else if (__builtin_mul_overflow(count, dim, &count)) {
      return absl::InvalidArgumentError(absl::StrCat(
          "dims: the element count of [", absl::StrJoin(dims, ","), "] overflows 64 bits"));
    }
  }
  return empty ? 0 : count;
}

absl::StatusOr<Tensor> Tensor::Zeros(DType dtype, std::vector<int64_t> dims) {
  ASSIGN_OR_RETURN(const int64_t count, ElementCount(dims));
  if (count > INT64_MAX / 16) {
    return absl::ResourceExhaustedError(absl::StrCat("tensor: ", count, " elements is too large"));
  }
  Tensor tensor;
  ASSIGN_OR_RETURN(tensor.buffer, Buffer::Allocate(static_cast<size_t>(count) * SizeOf(dtype)));
  tensor.dtype = dtype;
  tensor.dims = std::move(dims);
  return tensor;
}

double Tensor::At(int64_t i) const {
  switch (dtype) {
    case DType::kF64:
      return data_as<double>()[i];
    case DType::kF32:
      return data_as<float>()[i];
    case DType::kBF16:
      return FloatFromBF16(data_as<uint16_t>()[i]);
    case DType::kF16:
      return FloatFromF16(data_as<uint16_t>()[i]);
    case DType::kI64:
      return static_cast<double>(data_as<int64_t>()[i]);
    case DType::kI32:
      return data_as<int32_t>()[i];
    case DType::kI8:
      return data_as<int8_t>()[i];
    case DType::kU32:
      return data_as<uint32_t>()[i];
    case DType::kU16:
      return data_as<uint16_t>()[i];
    case DType::kU8:
    case DType::kBool:
      return data_as<uint8_t>()[i];
  }
  return 0;
}

void Tensor::Put(int64_t i, double value) {
  switch (dtype) {
    case DType::kF64:
      data_as<double>()[i] = value;
      return;
    case DType::kF32:
      data_as<float>()[i] = static_cast<float>(value);
      return;
    case DType::kBF16:
      data_as<uint16_t>()[i] = BF16FromFloat(static_cast<float>(value));
      return;
    case DType::kF16:
      data_as<uint16_t>()[i] = F16FromFloat(static_cast<float>(value));
      return;
    case DType::kI64:
      data_as<int64_t>()[i] = static_cast<int64_t>(value);
      return;
    case DType::kI32:
      data_as<int32_t>()[i] = static_cast<int32_t>(value);
      return;
    case DType::kI8:
      data_as<int8_t>()[i] = static_cast<int8_t>(value);
      return;
    case DType::kU32:
      data_as<uint32_t>()[i] = static_cast<uint32_t>(value);
      return;
    case DType::kU16:
      data_as<uint16_t>()[i] = static_cast<uint16_t>(value);
      return;
    case DType::kU8:
      data_as<uint8_t>()[i] = static_cast<uint8_t>(value);
      return;
    case DType::kBool:
      data_as<uint8_t>()[i] = value != 0;
      return;
  }
}

std::string Tensor::TypeText() const {
  return absl::StrCat(Name(dtype), "[", absl::StrJoin(dims, ","), "]");
}

}  // namespace tessera
