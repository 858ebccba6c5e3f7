// The folder that holds checkpoints: names in it, its lock, leftovers and deletion.
//
// Internal to ckpt/; the public calls are in checkpoint_writer.h and checkpoint_reader.h. Only
// names of exactly these forms are ever touched, so other files in the folder are safe:
//   step_N                      a checkpoint
//   step_N.damaged-XXXXXXXX     one that was moved aside, never deleted by us
//   .tmp-step_N-XXXXXXXX        being written, or left behind by a writer that died
//   .deleting-step_N-XXXXXXXX   being deleted
// Thread-safe: no state.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "cpp/ckpt/file_store.h"

namespace tessera {

std::string StepName(int64_t step);
// The N of "step_N" as StepName writes it; nothing for any other name.
std::optional<int64_t> StepOfName(std::string_view name);

std::string TemporaryName(int64_t step);
bool IsTemporaryName(std::string_view name);
std::string DamagedName(int64_t step);

// Locks the folder while names in it change. Waits for another holder, but not for ever:
// UNAVAILABLE after a minute. Null where the file system has no locks.
absl::StatusOr<std::unique_ptr<FileLock>> LockFolder(FileStore& store, const std::string& folder);

// Sets aside, for RemoveDeleted, the temporary folders of writers that are dead: those whose lock
// is free. REQUIRES: the caller holds the folder's lock. Returns their former names.
absl::StatusOr<std::vector<std::string>> SetAsideLeftovers(FileStore& store,
                                                           const std::string& folder);

// Renames a checkpoint so that it is one no more. REQUIRES: as above.
absl::Status SetAsideForDeletion(FileStore& store, const std::string& folder, int64_t step);

// Removes what was set aside, by whomever; the lock is not needed.
absl::Status RemoveDeleted(FileStore& store, const std::string& folder);

// As DeleteOldCheckpoints; `just_saved` (a step, or -1) is kept whatever its age.
absl::StatusOr<std::vector<std::string>> DeleteOldCheckpointsExcept(FileStore& store,
                                                                    const std::string& folder,
                                                                    int keep_last,
                                                                    int64_t just_saved);

// "the status code, `context`: the message", with its payloads.
absl::Status WithContext(const absl::Status& status, std::string_view context);

}  // namespace tessera
