// WeightSource: the tensors of a model file from elsewhere, by name.
//
// Hugging Face folders (hugging_face_folder.h) and GGUF files (gguf_file.h) are both. Reading is
// safe from several threads.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "cpp/tensor/tensor.h"

namespace tessera {

struct WeightInfo {
  std::string name;
  DType dtype = DType::kF32;  // as it is read
  std::vector<int64_t> dims;
};

class WeightSource {
 public:
  virtual ~WeightSource() = default;
  // All tensors, sorted by name; they live as long as the source.
  virtual const std::vector<WeightInfo>& weights() const = 0;
  // A tensor of its own memory. NOT_FOUND; DATA_LOSS; RESOURCE_EXHAUSTED.
  virtual absl::StatusOr<Tensor> Read(std::string_view name) const = 0;

  // Null when there is none.
  const WeightInfo* Find(std::string_view name) const;
};

}  // namespace tessera
