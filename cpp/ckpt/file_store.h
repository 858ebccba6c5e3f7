// FileStore: the few file-system operations that checkpoints need, behind an interface.
//
// It exists so that tests can inject what disks do (full, failing, crashing between any two
// operations) and so that checkpoints can be kept elsewhere (object_store.h). It is not a general
// file library. PosixFileStore is thread-safe; a WritableFile belongs to one thread at a time, a
// ReadableFile may be read by many at once.
//
// Errors of all operations name the path and keep the meaning of errno: NOT_FOUND (ENOENT),
// ALREADY_EXISTS, PERMISSION_DENIED, RESOURCE_EXHAUSTED (disk or quota full), UNKNOWN (EIO).
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "cpp/base/file.h"

namespace tessera {

// A new file being written. Destroying it without Close closes the file and drops any error.
class WritableFile {
 public:
  virtual ~WritableFile() = default;
  // Appends all of the bytes, or returns an error with an unknown part of them written.
  virtual absl::Status Append(std::string_view bytes) = 0;
  // Returns once everything appended is on stable storage. After an error the file is lost: the
  // kernel may have dropped the pages, so a second Sync would prove nothing.
  virtual absl::Status Sync() = 0;
  virtual absl::Status Close() = 0;
};

// An open file. It stays readable when its name is removed.
class ReadableFile {
 public:
  virtual ~ReadableFile() = default;
  virtual int64_t bytes() const = 0;
  // Reads exactly `bytes` at `offset`; OUT_OF_RANGE when the file ends before.
  virtual absl::Status ReadAt(int64_t offset, void* out, size_t bytes) const = 0;
};

// Held until destroyed, and released by the system when the process dies in whatever way.
class FileLock {
 public:
  virtual ~FileLock() = default;
};

class FileStore {
 public:
  virtual ~FileStore() = default;

  // Makes the folder and the missing ones above it; an existing one is fine.
  virtual absl::Status CreateFolders(const std::string& path) = 0;
  // Makes one folder; ALREADY_EXISTS when there is one.
  virtual absl::Status CreateFolder(const std::string& path) = 0;
  // Names (not paths) of what the folder holds, sorted.
  virtual absl::StatusOr<std::vector<std::string>> List(const std::string& path) = 0;
  // True for anything that exists under that name.
  virtual absl::StatusOr<bool> Exists(const std::string& path) = 0;
  virtual absl::StatusOr<bool> IsFolder(const std::string& path) = 0;
  // A new file; ALREADY_EXISTS when there is one.
  virtual absl::StatusOr<std::unique_ptr<WritableFile>> Create(const std::string& path) = 0;
  virtual absl::StatusOr<std::unique_ptr<ReadableFile>> Open(const std::string& path) = 0;
  // Atomic. ALREADY_EXISTS when `to` exists: nothing is ever replaced.
  virtual absl::Status Rename(const std::string& from, const std::string& to) = 0;
  // Removes a file or a whole folder; one that is not there is fine.
  virtual absl::Status RemoveAll(const std::string& path) = 0;
  // Makes creations, renames and removals of names in this folder durable.
  virtual absl::Status SyncFolder(const std::string& path) = 0;
  // Bytes that this process may still write to the file system of `path`. UNIMPLEMENTED where
  // nobody knows.
  virtual absl::StatusOr<int64_t> FreeBytes(const std::string& path) = 0;
  // Locks a folder against every other TryLock of it, in this and in other processes. Null when
  // somebody else holds it. UNIMPLEMENTED where the file system has no locks.
  virtual absl::StatusOr<std::unique_ptr<FileLock>> TryLock(const std::string& folder) = 0;
};

// The store of the local file system. Lives for ever.
FileStore& PosixFileStore();

// `store`, or the local file system when null.
inline FileStore& StoreOrLocal(FileStore* store) {
  return store != nullptr ? *store : PosixFileStore();
}

// The whole file; RESOURCE_EXHAUSTED when it is larger than `max_bytes`.
absl::StatusOr<std::string> ReadWholeFile(FileStore& store, const std::string& path,
                                          int64_t max_bytes);

}  // namespace tessera
