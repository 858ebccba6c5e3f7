// Tensor: a typed, dense, row-major view of a shared Buffer. Buffer: bytes with an owner.
//
// A tensor has concrete dims; symbolic dims belong to graph values (ir/dim.h). It has no
// behaviour: computing is for programs. Copying a Tensor shares the bytes. Reading from several
// threads is safe; writing needs the caller's own ordering.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "cpp/tensor/dtype.h"

namespace tessera {

class Buffer {
 public:
  // 64-byte aligned, zeroed. RESOURCE_EXHAUSTED when there is no memory.
  static absl::StatusOr<std::shared_ptr<Buffer>> Allocate(size_t bytes);
  // Wraps memory of another owner; `release` runs once, when the last reference goes.
  static std::shared_ptr<Buffer> Wrap(void* data, size_t bytes, std::function<void()> release);

  ~Buffer();
  Buffer(const Buffer&) = delete;
  Buffer& operator=(const Buffer&) = delete;

  void* data() const { return data_; }
  size_t bytes() const { return bytes_; }

 private:
  Buffer(void* data, size_t bytes, std::function<void()> release);
  void* data_;
  size_t bytes_;
  std::function<void()> release_;
};

// Product of dims; 1 for a scalar. InvalidArgument on a negative dim or overflow of int64.
absl::StatusOr<int64_t> ElementCount(absl::Span<const int64_t> dims);

struct Tensor {
  DType dtype = DType::kF32;
  std::vector<int64_t> dims;
  std::shared_ptr<Buffer> buffer;
  size_t offset_bytes = 0;

  // A zeroed tensor of its own. InvalidArgument on bad dims, RESOURCE_EXHAUSTED without memory.
  static absl::StatusOr<Tensor> Zeros(DType dtype, std::vector<int64_t> dims);

  bool defined() const { return buffer != nullptr; }
  int64_t count() const {
    int64_t n = 1;
    for (int64_t d : dims) n *= d;
    return n;
  }
  size_t bytes() const { return static_cast<size_t>(count()) * SizeOf(dtype); }
  void* data() const { return static_cast<char*>(buffer->data()) + offset_bytes; }
  template <typename T>
  T* data_as() const {
    return static_cast<T*>(data());
  }

  // Element `index` in row-major order, converted. REQUIRES: defined, 0 <= index < count().
  double At(int64_t index) const;
  void Put(int64_t index, double value);

  // "f32[2,3]"
  std::string TypeText() const;
};

}  // namespace tessera
