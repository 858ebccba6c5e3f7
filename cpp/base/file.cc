#include "cpp/base/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <system_error>
#include <utility>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "cpp/base/status_macros.h"

namespace tessera {
namespace {

// Folders below folders: a loop of links must end.
constexpr int kDeepestFolder = 64;

// A file descriptor that closes itself. Errors of close do not matter once fsync has passed.
class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() {
    if (fd_ >= 0) close(fd_);
  }
  int get() const { return fd_; }
  bool is_open() const { return fd_ >= 0; }

 private:
  int fd_;
};

int OpenRetry(const std::string& path, int flags, mode_t mode = 0) {
  int fd;
  do {
    fd = open(path.c_str(), flags | O_CLOEXEC, mode);
  } while (fd < 0 && errno == EINTR);
  return fd;
}

absl::Status WriteAll(int fd, std::string_view bytes, const std::string& path) {
  while (!bytes.empty()) {
    const ssize_t written = write(fd, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return FileError(errno, "write", path);
    bytes.remove_prefix(static_cast<size_t>(written));
  }
  return absl::OkStatus();
}

absl::Status WriteTo(const std::string& path, std::string_view bytes, bool sync) {
  const Descriptor file(OpenRetry(path, O_WRONLY | O_CREAT | O_TRUNC, 0666));
  if (!file.is_open()) return FileError(errno, "create", path);
  RETURN_IF_ERROR(WriteAll(file.get(), bytes, path));
  if (sync && fsync(file.get()) != 0) return FileError(errno, "sync", path);
  return absl::OkStatus();
}

absl::Status AddFilesBelow(const std::string& folder, int depth, std::vector<std::string>* out) {
  if (depth > kDeepestFolder) {
    return absl::InvalidArgumentError(
        absl::StrCat("list ", folder, ": more than ", kDeepestFolder, " folders deep"));
  }
  ASSIGN_OR_RETURN(const std::vector<std::string> names, ListFolder(folder));
  for (const std::string& name : names) {
    const std::string path = JoinPath(folder, name);
    struct stat info;
    if (stat(path.c_str(), &info) != 0) continue;  // a dangling link
    if (S_ISREG(info.st_mode)) out->push_back(path);
    if (S_ISDIR(info.st_mode)) RETURN_IF_ERROR(AddFilesBelow(path, depth + 1, out));
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status FileError(int error_number, std::string_view action, std::string_view path) {
  const std::string text =
      absl::StrCat(action, " ", path, ": ", std::generic_category().message(error_number));
  switch (error_number) {
    case ENOENT:
    case ENOTDIR:
      return absl::NotFoundError(text);
    case EACCES:
    case EPERM:
    case EROFS:
      return absl::PermissionDeniedError(text);
    case EEXIST:
    case ENOTEMPTY:
      return absl::AlreadyExistsError(text);
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
    case ENOMEM:
    case EMFILE:
    case ENFILE:
      return absl::ResourceExhaustedError(text);
    case EISDIR:
    case EINVAL:
    case ENAMETOOLONG:
      return absl::InvalidArgumentError(text);
    default:
      return absl::UnavailableError(text);
  }
}

absl::StatusOr<std::string> ReadFile(const std::string& path, int64_t max_bytes) {
  const Descriptor file(OpenRetry(path, O_RDONLY));
  if (!file.is_open()) return FileError(errno, "open", path);
  struct stat info;
  if (fstat(file.get(), &info) != 0) return FileError(errno, "read", path);
  if (S_ISDIR(info.st_mode)) return FileError(EISDIR, "read", path);
  const absl::Status too_large = absl::ResourceExhaustedError(
      absl::StrCat("read ", path, ": larger than the ", max_bytes, " bytes allowed"));
  if (info.st_size > max_bytes) return too_large;
  std::string bytes;
  // Pipes and /proc files give no size, so the end is where reading says so.
  size_t chunk = info.st_size > 0 ? static_cast<size_t>(info.st_size) + 1 : 65536;
  while (true) {
    const size_t before = bytes.size();
    bytes.resize(before + chunk);
    const ssize_t got = read(file.get(), bytes.data() + before, chunk);
    const int error = errno;
    bytes.resize(before + static_cast<size_t>(std::max<ssize_t>(got, 0)));
    if (got < 0 && error == EINTR) continue;
    if (got < 0) return FileError(error, "read", path);
    if (got == 0) return bytes;
    if (static_cast<int64_t>(bytes.size()) > max_bytes) return too_large;
    chunk = 65536;
  }
}

absl::Status WriteFile(const std::string& path, std::string_view bytes) {
  return WriteTo(path, bytes, /*sync=*/false);
}

absl::Status WriteFileAtomically(const std::string& path, std::string_view bytes) {
  const std::string beside = absl::StrCat(path, ".tmp-", getpid());
  absl::Status status = WriteTo(beside, bytes, /*sync=*/true);
  if (status.ok()) status = RenameDurably(beside, path);
  if (!status.ok()) unlink(beside.c_str());
  return status;
}

absl::Status RenameDurably(const std::string& from, const std::string& to) {
  if (rename(from.c_str(), to.c_str()) != 0) {
    return FileError(errno, absl::StrCat("rename ", from, " to"), to);
  }
  RETURN_IF_ERROR(SyncFolder(FolderOf(to)));
  if (FolderOf(from) != FolderOf(to)) return SyncFolder(FolderOf(from));
  return absl::OkStatus();
}

absl::Status SyncFolder(const std::string& path) {
  const Descriptor folder(OpenRetry(path, O_RDONLY | O_DIRECTORY));
  if (!folder.is_open()) return FileError(errno, "open", path);
  // Some file systems have nothing to sync in a folder and say EINVAL.
  if (fsync(folder.get()) != 0 && errno != EINVAL) return FileError(errno, "sync", path);
  return absl::OkStatus();
}

absl::Status MakeFolders(const std::string& path) {
  if (path.empty() || IsFolder(path)) return absl::OkStatus();
  const std::string parent = FolderOf(path);
  if (parent != path) RETURN_IF_ERROR(MakeFolders(parent));
  if (mkdir(path.c_str(), 0777) != 0 && !(errno == EEXIST && IsFolder(path))) {
    return FileError(errno, "make folder", path);
  }
  return absl::OkStatus();
}

bool IsFolder(const std::string& path) {
  struct stat info;
  return stat(path.c_str(), &info) == 0 && S_ISDIR(info.st_mode);
}

bool FileExists(const std::string& path) {
  struct stat info;
  return stat(path.c_str(), &info) == 0;
}

std::string FolderOf(std::string_view path) {
  while (path.size() > 1 && path.back() == '/') path.remove_suffix(1);
  const size_t slash = path.rfind('/');
  if (slash == std::string_view::npos) return ".";
  const size_t last = path.find_last_not_of('/', slash);
  if (last == std::string_view::npos || path[last] == ':') {
    return std::string(path.substr(0, slash + 1));  // "/", and "store://" of "store://a"
  }
  return std::string(path.substr(0, slash));
}

std::string JoinPath(std::string_view folder, std::string_view name) {
  if (folder.empty() || absl::StartsWith(name, "/")) return std::string(name);
  return absl::StrCat(folder, folder.back() == '/' ? "" : "/", name);
}

absl::StatusOr<std::vector<std::string>> ListFolder(const std::string& path) {
  DIR* folder = opendir(path.c_str());
  if (folder == nullptr) return FileError(errno, "list", path);
  const absl::Cleanup close_folder = [folder] { closedir(folder); };
  std::vector<std::string> names;
  errno = 0;
  while (const dirent* entry = readdir(folder)) {
    const std::string_view name = entry->d_name;
    if (name != "." && name != "..") names.emplace_back(name);
    errno = 0;
  }
  if (errno != 0) return FileError(errno, "list", path);
  std::sort(names.begin(), names.end());
  return names;
}

absl::StatusOr<std::vector<std::string>> ExpandFiles(const std::string& pattern) {
  std::vector<std::string> files;
  struct stat info;
  if (stat(pattern.c_str(), &info) == 0) {
    if (!S_ISDIR(info.st_mode)) return std::vector<std::string>{pattern};
    RETURN_IF_ERROR(AddFilesBelow(pattern, 0, &files));
    if (files.empty()) return absl::NotFoundError(absl::StrCat("no files below ", pattern));
    std::sort(files.begin(), files.end());
    return files;
  }
  if (pattern.find_first_of("*?[") == std::string::npos) return FileError(errno, "open", pattern);
  glob_t found = {};
  const absl::Cleanup free_found = [&found] { globfree(&found); };
  const int result = glob(pattern.c_str(), GLOB_NOSORT, nullptr, &found);
  if (result == GLOB_NOSPACE) return FileError(ENOMEM, "expand", pattern);
  for (size_t i = 0; result == 0 && i < found.gl_pathc; ++i) {
    const std::string path = found.gl_pathv[i];
    if (stat(path.c_str(), &info) == 0 && S_ISREG(info.st_mode)) files.push_back(path);
  }
  if (files.empty()) return absl::NotFoundError(absl::StrCat("no files match ", pattern));
  std::sort(files.begin(), files.end());
  return files;
}

absl::StatusOr<MappedFile> MappedFile::Open(const std::string& path) {
  const Descriptor file(OpenRetry(path, O_RDONLY));
  if (!file.is_open()) return FileError(errno, "open", path);
  struct stat info;
  if (fstat(file.get(), &info) != 0) return FileError(errno, "map", path);
  if (!S_ISREG(info.st_mode)) {
    return absl::InvalidArgumentError(absl::StrCat("map ", path, ": not a regular file"));
  }
  const auto size = static_cast<size_t>(info.st_size);
  if (size == 0) return MappedFile(nullptr, 0);  // an empty mapping is an error to the system
  void* data = mmap(nullptr, size, PROT_READ, MAP_PRIVATE, file.get(), 0);
  if (data == MAP_FAILED) return FileError(errno, "map", path);
  return MappedFile(static_cast<const char*>(data), size);
}

MappedFile::MappedFile(MappedFile&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}

MappedFile& MappedFile::operator=(MappedFile&& other) noexcept {
  std::swap(data_, other.data_);
  std::swap(size_, other.size_);
  return *this;
}

MappedFile::~MappedFile() {
  if (data_ != nullptr) munmap(const_cast<char*>(data_), size_);
}

}  // namespace tessera
