// Writing of a checkpoint as a Hugging Face folder: config.json and safetensors.
//
// The family's description is used the other way round, and what it gives is read back and compared
// before anything is written: what a family cannot say is an error and not lost. One tensor is in
// memory at a time. Pure function; thread-safe.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "cpp/ckpt/checkpoint_reader.h"
#include "cpp/config/config.h"
#include "cpp/interop/tensor_map.h"

namespace tessera {

struct HuggingFaceExport {
  const CheckpointReader* reader = nullptr;
  Config model;                   // resolved; its root is the model
  std::vector<NamedDims> params;  // of the traced model
  // Gives a parameter, in the dtype that the checkpoint has it in; null: as it stands there.
  ReadTensor read = nullptr;
  // Empty: that of the checkpoint's origin, or else the first that can say the model.
  std::string family;
  std::string folder;             // made when needed
  // A file is closed when the next tensor would make it longer; with more than one file there is an
  // index.
  int64_t max_file_bytes = int64_t{5} << 30;
  // Called before each tensor with the bytes written so far and those of all; an error stops.
  std::function<absl::Status(int64_t done, int64_t total)> progress;
};

struct ExportResult {
  std::string family;
  int64_t tensor_count = 0;
  int64_t bytes = 0;
  std::vector<std::string> files;  // names in the folder
};

// ALREADY_EXISTS when the folder holds a config.json or weights; INVALID_ARGUMENT naming where the
// family and the model differ; otherwise as reading and writing. config.json is written last, so
// that a folder that was interrupted is no model.
absl::StatusOr<ExportResult> ExportHuggingFaceFolder(const HuggingFaceExport& request);

}  // namespace tessera
