#include "cpp/ckpt/file_store.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <limits>
#include <utility>

#include "absl/strings/str_cat.h"
#include "cpp/base/status_macros.h"

namespace tessera {
namespace {

// errno, kept through the building of the message.
absl::Status ErrnoError(int error, std::string_view what, std::string_view path) {
  return absl::ErrnoToStatus(error, absl::StrCat(path, ": ", what));
}

int OpenRetrying(const std::string& path, int flags, mode_t mode = 0) {
  int fd;
  do {
    fd = ::open(path.c_str(), flags | O_CLOEXEC, mode);
  } while (fd < 0 && errno == EINTR);
  return fd;
}

class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return fd_; }
  int release() { return std::exchange(fd_, -1); }

 private:
  int fd_;
};

absl::Status SyncDescriptor(int fd, const std::string& path) {
  // EINTR of fsync is retried: nothing was reported lost yet, unlike after EIO.
  while (::fsync(fd) != 0) {
    if (errno != EINTR) return ErrnoError(errno, "sync", path);
  }
  return absl::OkStatus();
}

class PosixWritableFile : public WritableFile {
 public:
  PosixWritableFile(int fd, std::string path) : fd_(fd), path_(std::move(path)) {}

  absl::Status Append(std::string_view bytes) override {
    while (!bytes.empty()) {
      // Linux writes at most 2 GiB at a time.
      const size_t part = std::min<size_t>(bytes.size(), size_t{1} << 30);
      const ssize_t written = ::write(fd_.get(), bytes.data(), part);
      if (written < 0) {
        if (errno == EINTR) continue;
        return ErrnoError(errno, absl::StrCat("write at byte ", position_), path_);
      }
      position_ += written;
      bytes.remove_prefix(static_cast<size_t>(written));
    }
    return absl::OkStatus();
  }

  absl::Status Sync() override { return SyncDescriptor(fd_.get(), path_); }

  absl::Status Close() override {
    const int fd = fd_.release();
    if (fd < 0) return absl::OkStatus();
    if (::close(fd) != 0 && errno != EINTR) return ErrnoError(errno, "close", path_);
    return absl::OkStatus();
  }

 private:
  Descriptor fd_;
  const std::string path_;
  int64_t position_ = 0;
};

class PosixReadableFile : public ReadableFile {
 public:
  PosixReadableFile(int fd, int64_t bytes, std::string path)
      : fd_(fd), bytes_(bytes), path_(std::move(path)) {}

  int64_t bytes() const override { return bytes_; }

  absl::Status ReadAt(int64_t offset, void* out, size_t bytes) const override {
    char* to = static_cast<char*>(out);
    while (bytes > 0) {
      const size_t part = std::min<size_t>(bytes, size_t{1} << 30);
      const ssize_t got = ::pread(fd_.get(), to, part, offset);
      if (got < 0) {
        if (errno == EINTR) continue;
        return ErrnoError(errno, absl::StrCat("read at byte ", offset), path_);
      }
      if (got == 0) {
        return absl::OutOfRangeError(absl::StrCat(path_, ": ends at byte ", offset, ", expected ",
                                                  bytes, " more bytes"));
      }
      to += got;
      offset += got;
      bytes -= static_cast<size_t>(got);
    }
    return absl::OkStatus();
  }

 private:
  Descriptor fd_;
  const int64_t bytes_;
  const std::string path_;
};

class PosixFileLock : public FileLock {
 public:
  explicit PosixFileLock(int fd) : fd_(fd) {}

 private:
  Descriptor fd_;  // closing it releases the lock
};

// Renames without replacing. Where the system or the file system has no such call, a check before
// the rename must do: names are changed under the folder's lock (checkpoint_writer.h).
int RenameNoReplace(const char* from, const char* to) {
#ifdef SYS_renameat2
  constexpr unsigned kNoReplace = 1;
  const long result = ::syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, kNoReplace);
  if (result == 0) return 0;
  if (errno != EINVAL && errno != ENOSYS) return -1;
#endif
  struct stat info;
  if (::lstat(to, &info) == 0) {
    errno = EEXIST;
    return -1;
  }
  if (errno != ENOENT) return -1;
  return ::rename(from, to);
}

// Removes depth first without following links. A folder nested deeper than this is not ours.
constexpr int kMaxDepth = 8;

absl::StatusOr<std::vector<std::string>> ListNames(const std::string& path) {
  DIR* folder = ::opendir(path.c_str());
  if (folder == nullptr) return ErrnoError(errno, "list", path);
  std::vector<std::string> names;
  errno = 0;
  while (const dirent* entry = ::readdir(folder)) {
    const std::string_view name = entry->d_name;
    if (name != "." && name != "..") names.emplace_back(name);
    errno = 0;
  }
  const int error = errno;
  ::closedir(folder);
  if (error != 0) return ErrnoError(error, "list", path);
  std::sort(names.begin(), names.end());
  return names;
}

absl::Status RemoveTree(const std::string& path, int depth) {
  if (::unlink(path.c_str()) == 0 || errno == ENOENT) return absl::OkStatus();
  if (errno != EISDIR && errno != EPERM) return ErrnoError(errno, "remove", path);
  if (depth >= kMaxDepth) {
    return absl::FailedPreconditionError(absl::StrCat(path, ": too deep to be a checkpoint"));
  }
  auto names = ListNames(path);
  if (absl::IsNotFound(names.status())) return absl::OkStatus();
  RETURN_IF_ERROR(names.status());
  for (const std::string& name : *names) {
    RETURN_IF_ERROR(RemoveTree(JoinPath(path, name), depth + 1));
  }
  if (::rmdir(path.c_str()) != 0 && errno != ENOENT) return ErrnoError(errno, "remove", path);
  return absl::OkStatus();
}

class PosixStore : public FileStore {
 public:
  absl::Status CreateFolders(const std::string& path) override {
    // Each missing folder is synced into its parent: otherwise a crash could take away a
    // committed checkpoint together with the new folder that holds it.
    for (size_t end = 1; end <= path.size(); ++end) {
      if (end != path.size() && path[end] != '/') continue;
      if (path[end - 1] == '/') continue;
      const std::string part = path.substr(0, end);
      if (::mkdir(part.c_str(), 0777) == 0) {
        RETURN_IF_ERROR(SyncFolder(JoinPath(part, "..")));
        continue;
      }
      const int error = errno;
      if (error == EEXIST || error == EISDIR || error == EROFS || error == EACCES) {
        struct stat info;
        if (::stat(part.c_str(), &info) == 0 && S_ISDIR(info.st_mode)) continue;
      }
      return ErrnoError(error == EEXIST ? ENOTDIR : error, "make folder", part);
    }
    return absl::OkStatus();
  }

  absl::Status CreateFolder(const std::string& path) override {
    if (::mkdir(path.c_str(), 0777) != 0) return ErrnoError(errno, "make folder", path);
    return absl::OkStatus();
  }

  absl::StatusOr<std::vector<std::string>> List(const std::string& path) override {
    return ListNames(path);
  }

  absl::StatusOr<bool> Exists(const std::string& path) override {
    struct stat info;
    if (::lstat(path.c_str(), &info) == 0) return true;
    if (errno == ENOENT || errno == ENOTDIR) return false;
    return ErrnoError(errno, "stat", path);
  }

  absl::StatusOr<bool> IsFolder(const std::string& path) override {
    struct stat info;
    if (::stat(path.c_str(), &info) == 0) return S_ISDIR(info.st_mode);
    if (errno == ENOENT || errno == ENOTDIR) return false;
    return ErrnoError(errno, "stat", path);
  }

  absl::StatusOr<std::unique_ptr<WritableFile>> Create(const std::string& path) override {
    const int fd = OpenRetrying(path, O_WRONLY | O_CREAT | O_EXCL, 0666);
    if (fd < 0) return ErrnoError(errno, "create", path);
    return std::make_unique<PosixWritableFile>(fd, path);
  }

  absl::StatusOr<std::unique_ptr<ReadableFile>> Open(const std::string& path) override {
    // O_NONBLOCK: opening a pipe that lies where a file should be must not hang.
    Descriptor fd(OpenRetrying(path, O_RDONLY | O_NONBLOCK));
    if (fd.get() < 0) return ErrnoError(errno, "open", path);
    struct stat info;
    if (::fstat(fd.get(), &info) != 0) return ErrnoError(errno, "stat", path);
    if (!S_ISREG(info.st_mode)) {
      return absl::InvalidArgumentError(
          absl::StrCat(path, ": expected a file, got something else"));
    }
    return std::make_unique<PosixReadableFile>(fd.release(), info.st_size, path);
  }

  absl::Status Rename(const std::string& from, const std::string& to) override {
    if (RenameNoReplace(from.c_str(), to.c_str()) == 0) return absl::OkStatus();
    return ErrnoError(errno == ENOTEMPTY ? EEXIST : errno, absl::StrCat("rename to ", to), from);
  }

  absl::Status RemoveAll(const std::string& path) override { return RemoveTree(path, 0); }

  absl::Status SyncFolder(const std::string& path) override {
    Descriptor fd(OpenRetrying(path, O_RDONLY | O_DIRECTORY));
    if (fd.get() < 0) return ErrnoError(errno, "open folder", path);
    return SyncDescriptor(fd.get(), path);
  }

  absl::StatusOr<int64_t> FreeBytes(const std::string& path) override {
    struct statvfs info;
    if (::statvfs(path.c_str(), &info) != 0) return ErrnoError(errno, "free space", path);
    const unsigned __int128 bytes =
        static_cast<unsigned __int128>(info.f_bavail) * static_cast<uint64_t>(info.f_frsize);
    const uint64_t most = std::numeric_limits<int64_t>::max();
    return static_cast<int64_t>(bytes > most ? most : static_cast<uint64_t>(bytes));
  }

  absl::StatusOr<std::unique_ptr<FileLock>> TryLock(const std::string& folder) override {
    // flock belongs to the open file, not to the process: two savers in one process exclude each
    // other too, and the kernel lets go when the last descriptor is closed, by whatever death.
    Descriptor fd(OpenRetrying(folder, O_RDONLY | O_DIRECTORY));
    if (fd.get() < 0) return ErrnoError(errno, "open folder", folder);
    while (::flock(fd.get(), LOCK_EX | LOCK_NB) != 0) {
      if (errno == EINTR) continue;
      if (errno == EWOULDBLOCK) return std::unique_ptr<FileLock>();
      if (errno == ENOSYS || errno == EOPNOTSUPP || errno == ENOLCK || errno == EINVAL ||
          errno == EBADF) {
        return absl::UnimplementedError(absl::StrCat(folder, ": the file system has no locks"));
      }
      return ErrnoError(errno, "lock", folder);
    }
    return std::make_unique<PosixFileLock>(fd.release());
  }
};

}  // namespace

FileStore& PosixFileStore() {
  // Has no state and is never destroyed, so that threads that end late may still use it.
  static PosixStore* const store = new PosixStore;
  return *store;
}

absl::StatusOr<std::string> ReadWholeFile(FileStore& store, const std::string& path,
                                          int64_t max_bytes) {
  ASSIGN_OR_RETURN(std::unique_ptr<ReadableFile> file, store.Open(path));
  if (file->bytes() > max_bytes) {
    return absl::ResourceExhaustedError(
        absl::StrCat(path, ": expected at most ", max_bytes, " bytes, got ", file->bytes()));
  }
  std::string bytes(static_cast<size_t>(file->bytes()), '\0');
  RETURN_IF_ERROR(file->ReadAt(0, bytes.data(), bytes.size()));
  return bytes;
}

}  // namespace tessera
