// StoreTable: the checkpoint stores that a host has added to its runtime, by name.
//
// A path that begins with NAME:// is in the store of that name, every other one in the local file
// system. Names stay in paths, so that what is told to users can be handed in again. "NAME:/" is
// the same where there is such a store: file APIs make one slash of two. Thread-safe; it only
// grows, and stores live as long as it.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "cpp/ckpt/file_store.h"

namespace tessera {

class StoreTable {
 public:
  // INVALID_ARGUMENT unless the name is lower_case: letters, digits and '_' after a letter.
  // ALREADY_EXISTS.
  absl::Status Register(std::string name, std::unique_ptr<FileStore> store);

 private:
  friend absl::StatusOr<FileStore*> StoreOfPath(const StoreTable* added, std::string_view path);

  mutable absl::Mutex mutex_;
  std::map<std::string, std::unique_ptr<FileStore>, std::less<>> stores_ ABSL_GUARDED_BY(mutex_);
};

// The store that `path` is in. NOT_FOUND, with the names there are, for a store that was not
// added; `added` may be null.
absl::StatusOr<FileStore*> StoreOfPath(const StoreTable* added, std::string_view path);

}  // namespace tessera
