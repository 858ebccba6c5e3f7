// FileView: the bytes of a file, mapped into memory.
//
// Read only. A file must not shrink while it is viewed: the system would end the process at the
// first access past the new end, which no library can turn into an error. Thread-safe.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace tessera {

struct FileView {
  std::string_view bytes;  // valid as long as `owner` is held
  std::shared_ptr<const void> owner;
};

// Maps a whole regular file; an empty file gives empty bytes. NotFound, PermissionDenied or
// Unavailable with the path and the reason of the system; InvalidArgument for a folder.
absl::StatusOr<FileView> ViewFile(const std::string& path);

// At most the first `count` bytes. Errors as above.
absl::StatusOr<std::string> ReadStart(const std::string& path, size_t count);

}  // namespace tessera
