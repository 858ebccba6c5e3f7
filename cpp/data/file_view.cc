#include "cpp/data/file_view.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "cpp/base/status_macros.h"

namespace tessera {
namespace {

// Closes the descriptor when it goes.
struct OpenFile {
  int fd = -1;
  size_t bytes = 0;

  OpenFile() = default;
  OpenFile(OpenFile&& other) noexcept : fd(other.fd), bytes(other.bytes) { other.fd = -1; }
  OpenFile& operator=(OpenFile&&) = delete;
  ~OpenFile() {
    if (fd >= 0) ::close(fd);
  }
};

absl::Status Problem(const std::string& path) {
  return absl::ErrnoToStatus(errno, path);
}

absl::StatusOr<OpenFile> Open(const std::string& path) {
  OpenFile file;
  file.fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file.fd < 0) return Problem(path);
  struct stat info = {};
  if (::fstat(file.fd, &info) != 0) return Problem(path);
  if (!S_ISREG(info.st_mode)) {
    return absl::InvalidArgumentError(absl::StrCat(path, ": expected a regular file"));
  }
  file.bytes = static_cast<size_t>(info.st_size);
  return file;
}

}  // namespace

absl::StatusOr<FileView> ViewFile(const std::string& path) {
  ASSIGN_OR_RETURN(const OpenFile file, Open(path));
  if (file.bytes == 0) return FileView();
  void* data = ::mmap(nullptr, file.bytes, PROT_READ, MAP_PRIVATE, file.fd, 0);
  if (data == MAP_FAILED) return Problem(path);
  const size_t bytes = file.bytes;
  FileView view;
  view.bytes = std::string_view(static_cast<const char*>(data), bytes);
  view.owner = std::shared_ptr<const void>(
      data, [bytes](const void* mapped) { ::munmap(const_cast<void*>(mapped), bytes); });
  return view;
}

absl::StatusOr<std::string> ReadStart(const std::string& path, size_t count) {
  ASSIGN_OR_RETURN(const OpenFile file, Open(path));
  std::string start(std::min(count, file.bytes), '\0');
  size_t done = 0;
  while (done < start.size()) {
    const ssize_t got = ::read(file.fd, start.data() + done, start.size() - done);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return Problem(path);
    if (got == 0) break;
    done += static_cast<size_t>(got);
  }
  start.resize(done);
  return start;
}

}  // namespace tessera
