// Writing of checkpoints: complete or not there, whatever happens in between.
//
// A save writes DIR/.tmp-step_N-XXXXXXXX, syncs every file, the manifest last, syncs the folder,
// renames it to DIR/step_N and syncs DIR. The rename is the commit: before it the checkpoint does
// not exist, after it it is whole. Nothing that exists is ever replaced. A save that fails removes
// its own temporary folder and touches nothing else.
//
// Several processes may save into one DIR. A writer holds a lock on its temporary folder for as
// long as it lives, so what a killed one left behind is known by its lock being free, and is
// removed at the start of the next save; DIR itself is locked for the moments in which names
// change. Where the file system has no locks nothing is cleaned up.
//
// Functions here are thread-safe. Copying the tensors aside and writing them while training goes
// on is BackgroundSaver's work (background_saver.h); reading is CheckpointReader's.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "cpp/ckpt/file_store.h"
#include "cpp/ckpt/manifest.h"
#include "cpp/tensor/tensor.h"

namespace tessera {

// A tensor to save, or this process's part of one. `data` is borrowed for the call.
struct TensorToSave {
  TensorKind kind = TensorKind::kParameter;
  std::string path;
  std::string slot;  // kSlot only; without ':'
  DType dtype = DType::kF32;
  std::vector<int64_t> dims;        // of the global tensor
  std::vector<int64_t> box_offset;  // both empty: the whole tensor
  std::vector<int64_t> box_size;
  const void* data = nullptr;  // the box, dense, row-major; may be null when it has no bytes
  // Instead of `data`: called once, when the tensor's turn to be written has come, so that a model
  // that does not fit memory can be saved. A tensor of another dtype or size is an error of ours.
  std::function<absl::StatusOr<Tensor>()> read;
};

TensorToSave ParameterToSave(std::string path, const Tensor& tensor);
TensorToSave SlotToSave(std::string path, std::string slot, const Tensor& tensor);
TensorToSave StateToSave(std::string path, const Tensor& tensor);

struct SaveRequest {
  CheckpointInfo info;
  std::vector<TensorToSave> tensors;  // in any order; the files' order does not depend on it
};

struct SaveOptions {
  // Complete checkpoints to keep in DIR, this one included; 0 keeps all. Damaged ones do not count
  // and are never deleted, nor is the newest complete one, nor the one just written.
  int keep_last = 0;
  int64_t chunk_bytes = kDefaultChunkBytes;
  // A data file is closed when the next tensor would make it longer.
  int64_t max_file_bytes = int64_t{4} << 30;
  FileStore* store = nullptr;  // null: the local file system
};

struct SaveResult {
  std::string path;
  int64_t bytes = 0;  // of all files
  // What happened beside the save and somebody should be told: a damaged step_N that was moved
  // aside, leftovers removed, a deletion that did not work.
  std::vector<std::string> notes;
};

// Saves to DIR/step_N, N being request.info.step; makes DIR when needed.
//
// ALREADY_EXISTS when a complete step_N is there; a damaged one is renamed to
// step_N.damaged-XXXXXXXX and kept. RESOURCE_EXHAUSTED with bytes needed and available when the
// space does not suffice, which is checked first. INVALID_ARGUMENT on repeated tensors, boxes that
// do not cover a tensor, names that are not UTF-8, a negative step.
absl::StatusOr<SaveResult> SaveCheckpoint(const std::string& directory, const SaveRequest& request,
                                          const SaveOptions& options = {});

// The same to a path of the caller's choice; keep_last does not apply. ALREADY_EXISTS when
// anything is there.
absl::StatusOr<SaveResult> SaveCheckpointAs(const std::string& path, const SaveRequest& request,
                                            const SaveOptions& options = {});

// Keeps the newest `keep_last` (at least 1) complete checkpoints of DIR and deletes the older
// ones: renamed to .deleting-..., so that a half-deleted one is never taken for a checkpoint, then
// removed. Returns the paths deleted.
absl::StatusOr<std::vector<std::string>> DeleteOldCheckpoints(const std::string& directory,
                                                              int keep_last,
                                                              FileStore* store = nullptr);

}  // namespace tessera
