// Files: reading with a bound, writing that survives a crash, listing, mapping.
//
// Every error is a Status that names the path and the system's reason: NOT_FOUND,
// PERMISSION_DENIED, ALREADY_EXISTS, RESOURCE_EXHAUSTED (disk full, or larger than the bound),
// UNAVAILABLE otherwise. Nothing here knows a file format. Functions are thread-safe; a MappedFile
// may be read by many threads.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace tessera {

// The Status of `error_number` (errno), with "<action> <path>: <reason>".
absl::Status FileError(int error_number, std::string_view action, std::string_view path);

// The whole file. RESOURCE_EXHAUSTED, before memory is taken, when it is larger than `max_bytes`;
// INVALID_ARGUMENT for a folder.
absl::StatusOr<std::string> ReadFile(const std::string& path, int64_t max_bytes = int64_t{1} << 30);

// Creates or replaces the file. Not atomic and not synced: for files nobody depends on.
absl::Status WriteFile(const std::string& path, std::string_view bytes);

// Replaces the file so that after a crash it is either the old or the new one, whole: written
// beside, synced, renamed, and the folder synced.
absl::Status WriteFileAtomically(const std::string& path, std::string_view bytes);

// Renames and syncs both folders. A file at `to` is replaced, a folder must be empty.
absl::Status RenameDurably(const std::string& from, const std::string& to);

// Puts the entries of a folder on the disk: names do not survive a power cut without it.
absl::Status SyncFolder(const std::string& path);

// Makes the folder and those above it; an existing folder is no error.
absl::Status MakeFolders(const std::string& path);

bool IsFolder(const std::string& path);
bool FileExists(const std::string& path);

// The folder of `path` ("." when it has none).
std::string FolderOf(std::string_view path);
// `folder`/`name`, or `name` when that is absolute or the folder is empty.
std::string JoinPath(std::string_view folder, std::string_view name);

// Names in the folder, sorted, without "." and "..".
absl::StatusOr<std::vector<std::string>> ListFolder(const std::string& path);

// The regular files that `pattern` means, sorted: a file itself, all files below a folder, or a
// glob ("*", "?", "[a-z]" within one path part). NOT_FOUND when there are none.
absl::StatusOr<std::vector<std::string>> ExpandFiles(const std::string& pattern);

// A file's bytes, read-only, paged in as they are touched. Move-only; unmaps at its end. The bytes
// must not be used when the file shrinks below them: the system then kills the process.
class MappedFile {
 public:
  static absl::StatusOr<MappedFile> Open(const std::string& path);
  MappedFile(MappedFile&& other) noexcept;
  MappedFile& operator=(MappedFile&& other) noexcept;
  ~MappedFile();

  std::string_view bytes() const { return {data_, size_}; }

 private:
  MappedFile(const char* data, size_t size) : data_(data), size_(size) {}

  const char* data_;
  size_t size_;
};

}  // namespace tessera
