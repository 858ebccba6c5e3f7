// TensorPages: zeroed tensors that live as long as a run, side by side on large pages.
//
// A parameter of some MB is too small for 2 MiB pages of its own (zero_pages.h), and there are
// hundreds of them: on 4 KiB pages an optimizer's first step takes a fault for every page of its
// moments, twice, for it reads them before it writes, and every later step walks their tables.
#pragma once

#include <memory>
#include <vector>

#include "absl/status/statusor.h"
#include "cpp/tensor/tensor.h"

namespace tessera {

// Memory of a block is given back when the last tensor in it is gone: for tensors that go
// together. One thread at a time.
class TensorPages {
 public:
  TensorPages() = default;
  TensorPages(const TensorPages&) = delete;   // two of them would deal out the same bytes
  TensorPages& operator=(const TensorPages&) = delete;

  // As Tensor::Zeros, on a boundary of 64 bytes.
  absl::StatusOr<Tensor> Zeros(DType dtype, std::vector<int64_t> dims);

 private:
  std::shared_ptr<Buffer> block_;
  size_t used_ = 0;   // bytes of it
};

}  // namespace tessera
