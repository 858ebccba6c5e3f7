// Layout: which tensor of a save lies where, decided from names, types and sizes alone.
//
// So two saves of equal tensors have byte-identical data files, in whatever order the tensors were
// given. Internal to ckpt/. Parameters, slots and states go to files of their own, so that the
// parameters can be given to any tool that reads safetensors. Pure functions.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "cpp/ckpt/checkpoint_writer.h"
#include "cpp/ckpt/manifest.h"

namespace tessera {

struct PlannedFile {
  std::string name;
  std::string head;                        // the safetensors header
  std::vector<const TensorToSave*> tensors;  // in file order, without gaps; of the request
  int64_t bytes = 0;
};

struct Layout {
  std::vector<PlannedFile> files;
  Manifest manifest;  // complete but for the checksums
};

// The name of a record in its data file: path, then ":slot", then "@[begin:end,...]" unless whole.
std::string NameInFile(const TensorRecord& record);

// INVALID_ARGUMENT on what SaveCheckpoint refuses.
absl::StatusOr<Layout> PlanLayout(const SaveRequest& request, const SaveOptions& options);

}  // namespace tessera
