#include "cpp/train/routing_file.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "cpp/base/file.h"
#include "cpp/base/status_macros.h"

namespace tessera {
namespace {

constexpr char kRecorded[] = "recorded";

int OpenRetry(const std::string& path, int flags) {
  int fd;
  do {
    fd = open(path.c_str(), flags | O_CLOEXEC, 0666);
  } while (fd < 0 && errno == EINTR);
  return fd;
}

absl::Status WriteAt(int fd, const std::string& path, const void* data, size_t bytes,
                     int64_t offset) {
  const char* from = static_cast<const char*>(data);
  while (bytes > 0) {
    const ssize_t done = pwrite(fd, from, bytes, offset);
    if (done < 0 && errno == EINTR) continue;
    if (done < 0) return FileError(errno, "write", path);
    from += done;
    offset += done;
    bytes -= static_cast<size_t>(done);
  }
  return absl::OkStatus();
}

absl::Status ReadAt(int fd, const std::string& path, void* data, size_t bytes, int64_t offset) {
  char* to = static_cast<char*>(data);
  while (bytes > 0) {
    const ssize_t done = pread(fd, to, bytes, offset);
    if (done < 0 && errno == EINTR) continue;
    if (done < 0) return FileError(errno, "read", path);
    if (done == 0) return absl::DataLossError(absl::StrCat("read ", path, ": it became shorter"));
    to += done;
    offset += done;
    bytes -= static_cast<size_t>(done);
  }
  return absl::OkStatus();
}

std::string DimsText(const std::vector<int64_t>& dims) {
  return absl::StrCat("i32[", absl::StrJoin(dims, ","), "]");
}

absl::StatusOr<SafetensorsEntry> EntryOf(const SafetensorsReader& reader,
                                         const RoutingFile::Mixture& mixture) {
  const SafetensorsEntry* entry = reader.Find(mixture.name);
  if (entry == nullptr) {
    return absl::InvalidArgumentError(absl::StrCat(
        reader.path(), ": expected the routing of the model's mixtures, got none of '",
        mixture.name, "'"));
  }
  const bool fits = entry->dtype == DType::kI32 && entry->dims.size() == mixture.dims.size() + 1 &&
                    std::equal(mixture.dims.begin(), mixture.dims.end(), entry->dims.begin() + 1);
  if (fits) return *entry;
  return absl::InvalidArgumentError(absl::StrCat(
      reader.path(), ": tensor '", mixture.name, "': expected steps of ", DimsText(mixture.dims),
      ", got ", Name(entry->dtype), "[", absl::StrJoin(entry->dims, ","), "]"));
}

}  // namespace

absl::Status RoutingFile::Create(const std::string& path, int64_t steps,
                                 const std::vector<Mixture>& mixtures) {
  SafetensorsHeader header;
  header.entries.push_back({kRecorded, DType::kU8, {steps, mixtures[0].dims[0]}, 0, 0});
  for (const Mixture& mixture : mixtures) {
    std::vector<int64_t> dims = mixture.dims;
    dims.insert(dims.begin(), steps);
    header.entries.push_back({mixture.name, DType::kI32, std::move(dims), 0, 0});
  }
  ASSIGN_OR_RETURN(const std::string begin, EncodeSafetensorsHeader(header));
  const int fd = OpenRetry(path, O_WRONLY | O_CREAT | O_EXCL);
  if (fd < 0) return FileError(errno, "create", path);
  absl::Cleanup close_file = [fd] { close(fd); };
  absl::Status status = WriteAt(fd, path, begin.data(), begin.size(), 0);
  if (status.ok() && ftruncate(fd, header.file_bytes) != 0) {
    status = FileError(errno, absl::StrCat("make room for ", header.file_bytes, " bytes in"), path);
  }
  if (!status.ok()) unlink(path.c_str());
  return status;
}

absl::StatusOr<std::unique_ptr<RoutingFile>> RoutingFile::Open(
    const std::string& path, bool writes, const std::vector<Mixture>& mixtures) {
  ASSIGN_OR_RETURN(const auto reader, SafetensorsReader::Open(path));
  const int fd = OpenRetry(path, writes ? O_RDWR : O_RDONLY);
  if (fd < 0) return FileError(errno, "open", path);
  auto file = std::unique_ptr<RoutingFile>(new RoutingFile(path, fd));
  for (const Mixture& mixture : mixtures) {
    ASSIGN_OR_RETURN(SafetensorsEntry entry, EntryOf(*reader, mixture));
    file->mixtures_.push_back(std::move(entry));
  }
  const SafetensorsEntry* recorded = reader->Find(kRecorded);
  const std::vector<int64_t> wanted = {file->mixtures_[0].dims[0], mixtures[0].dims[0]};
  if (recorded == nullptr || recorded->dtype != DType::kU8 || recorded->dims != wanted) {
    return absl::InvalidArgumentError(absl::StrCat(
        path, ": expected the routing of a training run, with a tensor 'recorded' of u8[",
        absl::StrJoin(wanted, ","), "], as trainer.record_routing writes"));
  }
  file->recorded_ = *recorded;
  return file;
}

RoutingFile::~RoutingFile() { close(fd_); }

absl::Status RoutingFile::CheckStep(int64_t step) const {
  if (step <= recorded_.dims[0]) return absl::OkStatus();
  return absl::OutOfRangeError(
      absl::StrCat(path_, ": expected a step up to ", recorded_.dims[0], ", got ", step));
}

int64_t RoutingFile::OffsetOf(const SafetensorsEntry& entry, int64_t step,
                              int64_t first_row) const {
  const int64_t row_bytes = entry.bytes / (entry.dims[0] * entry.dims[1]);
  return entry.offset + ((step - 1) * entry.dims[1] + first_row) * row_bytes;
}

absl::Status RoutingFile::Write(size_t index, int64_t step, int64_t first_row,
                                const Tensor& choices) const {
  RETURN_IF_ERROR(CheckStep(step));
  return WriteAt(fd_, path_, choices.data(), choices.bytes(),
                 OffsetOf(mixtures_[index], step, first_row));
}

absl::Status RoutingFile::Read(size_t index, int64_t step, int64_t first_row,
                               Tensor& choices) const {
  RETURN_IF_ERROR(CheckStep(step));
  return ReadAt(fd_, path_, choices.data(), choices.bytes(),
                OffsetOf(mixtures_[index], step, first_row));
}

absl::Status RoutingFile::MarkRecorded(int64_t step, int64_t first_row, int64_t rows) const {
  RETURN_IF_ERROR(CheckStep(step));
  for (int64_t row = first_row; row < first_row + rows; ++row) {
    constexpr char kYes = 1;
    RETURN_IF_ERROR(WriteAt(fd_, path_, &kYes, 1, OffsetOf(recorded_, step, row)));
  }
  return absl::OkStatus();
}

absl::Status RoutingFile::CheckRecorded(int64_t step, int64_t first_row, int64_t rows) const {
  RETURN_IF_ERROR(CheckStep(step));
  for (int64_t row = first_row; row < first_row + rows; ++row) {
    char is_recorded = 0;
    RETURN_IF_ERROR(ReadAt(fd_, path_, &is_recorded, 1, OffsetOf(recorded_, step, row)));
    if (is_recorded == 1) continue;
    return absl::NotFoundError(absl::StrCat(
        path_, ": step ", step, ", row ", row, ": it was not recorded; the run that wrote the file "
        "ended before it"));
  }
  return absl::OkStatus();
}

}  // namespace tessera
