// Import and export: models from elsewhere as checkpoints, and checkpoints as models for elsewhere.
//
// Ties interop/, which reads files and knows families, to tracing and checkpoints. One tensor is in
// memory at a time. Functions are thread-safe.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "cpp/config/config.h"
#include "cpp/generate/environment.h"
#include "cpp/interop/tensor_map.h"
#include "cpp/ir/program.h"

namespace tessera {

// Called with the bytes done and those of all; an error stops, and nothing half-done stays.
using ExchangeProgress = std::function<absl::Status(int64_t done, int64_t total)>;

struct ExchangeReport {
  std::string family;
  int64_t tensor_count = 0;  // of the model that is written
  int64_t bytes = 0;
  std::vector<std::string> notes;
};

// Reads a Hugging Face folder, or a GGUF file (`source` names a file), and writes a checkpoint to
// `path`. Its config is the model's alone. ALREADY_EXISTS when anything is at `path`; otherwise as
// ForeignModel and SaveCheckpointAs.
absl::StatusOr<ExchangeReport> ImportModel(const std::string& source, const std::string& path,
                                           const Config::Registry& registry,
                                           const Environment& environment,
                                           const ExchangeProgress& progress);

// Writes the model of a checkpoint as a Hugging Face folder, adapters merged into what they wrap
// (merged_parameters.h). `family` may be empty
// (hugging_face_export.h).
absl::StatusOr<ExchangeReport> ExportModel(const std::string& checkpoint,
                                           const std::string& folder, const std::string& family,
                                           int64_t max_file_bytes,
                                           const Config::Registry& registry,
                                           const Environment& environment,
                                           const ExchangeProgress& progress);

// Paths and dims of a program's parameters.
absl::StatusOr<std::vector<NamedDims>> ParamDims(const Program& program);

}  // namespace tessera
