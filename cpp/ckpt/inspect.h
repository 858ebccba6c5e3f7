// Inspection: what `tessera inspect` shows of a checkpoint, as data and as JSON.
//
// It looks at damaged checkpoints too and says what it could not read. Nothing is changed.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "cpp/ckpt/manifest.h"

namespace tessera {

class FileStore;

struct InspectedFile {
  std::string name;
  int64_t bytes = 0;
  int64_t chunks = 0;
  bool is_good = false;  // length, and with verify_data every checksum
  std::string problem;   // empty when good
};

struct CheckpointInspection {
  std::string path;
  bool is_complete = false;  // manifest and all files good
  bool is_verified = false;  // and every byte was compared with its checksum
  std::string problem;       // the first one; empty when complete
  Manifest manifest;         // empty when it cannot be read
  std::vector<InspectedFile> files;
  // Sums over whole tensors, boxes of one tensor counted once.
  int64_t parameter_tensors = 0;
  int64_t parameter_elements = 0;
  int64_t tensor_bytes = 0;
  int64_t file_bytes = 0;
};

// Looks at the checkpoint `path`, or at the newest complete one in it (ResolveCheckpoint).
// NOT_FOUND when there is nothing of the kind; damage is in the result, not an error.
absl::StatusOr<CheckpointInspection> InspectCheckpoint(const std::string& path,
                                                       bool verify_data = true,
                                                       FileStore* store = nullptr);

// {"path", "complete", "verified", "problem", "step", ..., "files": [...], "tensors": [...]}. Of
// the opaque fields only the lengths; the config is embedded when it is JSON.
std::string InspectionJson(const CheckpointInspection& inspection);

}  // namespace tessera
