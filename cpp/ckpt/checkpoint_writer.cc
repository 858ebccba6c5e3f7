#include "cpp/ckpt/checkpoint_writer.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "absl/crc/crc32c.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "cpp/base/status_macros.h"
#include "cpp/ckpt/checkpoint_folder.h"
#include "cpp/ckpt/checkpoint_reader.h"
#include "cpp/ckpt/layout.h"

namespace tessera {
namespace {

// Beyond the bytes of the files: metadata of the file system, and room for others.
constexpr int64_t SpaceReserve(int64_t bytes) { return bytes / 20 + (int64_t{1} << 20); }

// Writes a file chunk by chunk and notes the checksum of each. What does not fill a chunk waits in
// a buffer; tensors larger than a chunk are written from where they lie.
class ChunkedFile {
 public:
  ChunkedFile(std::unique_ptr<WritableFile> file, int64_t chunk_bytes)
      : file_(std::move(file)), chunk_bytes_(static_cast<size_t>(chunk_bytes)) {}

  absl::Status Append(std::string_view bytes) {
    while (!bytes.empty()) {
      if (buffer_.empty() && bytes.size() >= chunk_bytes_) {
        RETURN_IF_ERROR(WriteChunk(bytes.substr(0, chunk_bytes_)));
        bytes.remove_prefix(chunk_bytes_);
        continue;
      }
      const size_t part = std::min(bytes.size(), chunk_bytes_ - buffer_.size());
      buffer_.append(bytes.substr(0, part));
      bytes.remove_prefix(part);
      if (buffer_.size() == chunk_bytes_) RETURN_IF_ERROR(Flush());
    }
    return absl::OkStatus();
  }

  // The checksums, once everything is on stable storage.
  absl::StatusOr<std::vector<uint32_t>> Finish() {
    if (!buffer_.empty()) RETURN_IF_ERROR(Flush());
    RETURN_IF_ERROR(file_->Sync());
    RETURN_IF_ERROR(file_->Close());
    return std::move(crcs_);
  }

 private:
  absl::Status Flush() {
    RETURN_IF_ERROR(WriteChunk(buffer_));
    buffer_.clear();
    return absl::OkStatus();
  }

  absl::Status WriteChunk(std::string_view chunk) {
    crcs_.push_back(static_cast<uint32_t>(absl::ComputeCrc32c(chunk)));
    return file_->Append(chunk);
  }

  const std::unique_ptr<WritableFile> file_;
  const size_t chunk_bytes_;
  std::string buffer_;
  std::vector<uint32_t> crcs_;
};

// One save on its way. Its folder goes when it is destroyed before the commit.
class Save {
 public:
  Save(FileStore& store, std::string parent, std::string target)
      : store_(store), parent_(std::move(parent)), target_(std::move(target)) {}

  ~Save() {
    // Best effort: a folder that cannot be removed now is removed by the next save, since its lock
    // is free from here on.
    if (!temporary_.empty()) store_.RemoveAll(temporary_).IgnoreError();
  }
  Save(const Save&) = delete;
  Save& operator=(const Save&) = delete;

  absl::Status Begin(int64_t step, std::vector<std::string>& notes);
  absl::Status CheckSpace(int64_t bytes);
  absl::StatusOr<int64_t> WriteFiles(Layout& layout);
  absl::Status Commit();

 private:
  absl::Status WriteDataFile(const PlannedFile& file, int64_t chunk_bytes,
                             std::vector<uint32_t>& crcs);

  FileStore& store_;
  const std::string parent_;
  const std::string target_;
  std::string temporary_;            // path; empty when there is none of ours
  std::unique_ptr<FileLock> alive_;  // says to others that this writer lives
};

absl::Status Save::Begin(int64_t step, std::vector<std::string>& notes) {
  RETURN_IF_ERROR(store_.CreateFolders(parent_));
  std::vector<std::string> leftovers;
  {
    // A new folder is created and locked within the parent's lock, so that no other writer can
    // take it for a leftover in the moment between.
    ASSIGN_OR_RETURN(const std::unique_ptr<FileLock> lock, LockFolder(store_, parent_));
    if (lock != nullptr) {
      ASSIGN_OR_RETURN(leftovers, SetAsideLeftovers(store_, parent_));
    }
    const std::string temporary = JoinPath(parent_, TemporaryName(step));
    RETURN_IF_ERROR(store_.CreateFolder(temporary));
    temporary_ = temporary;
    auto alive = store_.TryLock(temporary_);
    if (alive.ok()) {
      alive_ = *std::move(alive);
    } else if (!absl::IsUnimplemented(alive.status())) {
      return alive.status();
    }
  }
  for (const std::string& name : leftovers) {
    notes.push_back(absl::StrCat("removed ", JoinPath(parent_, name),
                                 ", left behind by a writer that died"));
  }
  // Also finishes deletions that were interrupted. A failure here costs space, not safety.
  if (const absl::Status removed = RemoveDeleted(store_, parent_); !removed.ok()) {
    notes.push_back(absl::StrCat("could not remove leftovers: ", removed.message()));
  }
  return absl::OkStatus();
}

absl::Status Save::CheckSpace(int64_t bytes) {
  const absl::StatusOr<int64_t> available = store_.FreeBytes(parent_);
  if (absl::IsUnimplemented(available.status())) return absl::OkStatus();
  RETURN_IF_ERROR(available.status());
  const int64_t needed = bytes + SpaceReserve(bytes);
  if (needed > *available) {
    return absl::ResourceExhaustedError(absl::StrCat(
        parent_, ": expected ", needed, " bytes of free space, got ", *available));
  }
  return absl::OkStatus();
}

absl::Status Save::WriteDataFile(const PlannedFile& planned, int64_t chunk_bytes,
                                 std::vector<uint32_t>& crcs) {
  ASSIGN_OR_RETURN(std::unique_ptr<WritableFile> created,
                   store_.Create(JoinPath(temporary_, planned.name)));
  ChunkedFile file(std::move(created), chunk_bytes);
  RETURN_IF_ERROR(file.Append(planned.head));
  int64_t written = static_cast<int64_t>(planned.head.size());
  for (const TensorToSave* tensor : planned.tensors) {
    const std::vector<int64_t>& size = tensor->box_size.empty() ? tensor->dims : tensor->box_size;
    int64_t bytes = static_cast<int64_t>(SizeOf(tensor->dtype));
    for (int64_t dim : size) bytes *= dim;
    const void* data = tensor->data;
    Tensor read;
    if (tensor->read != nullptr) {
      ASSIGN_OR_RETURN(read, tensor->read());
      RET_CHECK(read.dtype == tensor->dtype && read.bytes() == static_cast<size_t>(bytes))
          << tensor->path << ": read as " << read.TypeText();
      data = read.data();
    }
    RETURN_IF_ERROR(file.Append({static_cast<const char*>(data), static_cast<size_t>(bytes)}));
    written += bytes;
  }
  RET_CHECK(written == planned.bytes);
  const size_t expected = crcs.size();
  ASSIGN_OR_RETURN(crcs, file.Finish());
  RET_CHECK(crcs.size() == expected);
  return absl::OkStatus();
}

absl::StatusOr<int64_t> Save::WriteFiles(Layout& layout) {
  Manifest& manifest = layout.manifest;
  int64_t total = 0;
  for (size_t i = 0; i < layout.files.size(); ++i) {
    RETURN_IF_ERROR(WriteDataFile(layout.files[i], manifest.chunk_bytes,
                                  manifest.files[i].chunk_crc32c));
    total += layout.files[i].bytes;
  }
  ASSIGN_OR_RETURN(const std::string bytes, EncodeManifest(manifest));
  ASSIGN_OR_RETURN(const std::unique_ptr<WritableFile> file,
                   store_.Create(JoinPath(temporary_, kManifestName)));
  RETURN_IF_ERROR(file->Append(bytes));
  RETURN_IF_ERROR(file->Sync());
  RETURN_IF_ERROR(file->Close());
  RETURN_IF_ERROR(store_.SyncFolder(temporary_));
  return total + static_cast<int64_t>(bytes.size());
}

absl::Status Save::Commit() {
  ASSIGN_OR_RETURN(const std::unique_ptr<FileLock> lock, LockFolder(store_, parent_));
  RETURN_IF_ERROR(store_.Rename(temporary_, target_));
  temporary_.clear();
  return WithContext(store_.SyncFolder(parent_),
                     absl::StrCat(target_, ": complete, but it may not survive a power failure"));
}

// What to do about a step_N that is there already: nothing can be saved over a good one, a damaged
// one makes room.
absl::Status MakeRoom(FileStore& store, const std::string& parent, int64_t step,
                      std::vector<std::string>& notes) {
  const std::string target = JoinPath(parent, StepName(step));
  ASSIGN_OR_RETURN(const bool exists, store.Exists(target));
  if (!exists) return absl::OkStatus();
  const auto reader = CheckpointReader::Open(target, &store);
  const absl::Status state = reader.ok() ? (*reader)->VerifyAll() : reader.status();
  if (!absl::IsDataLoss(state)) {
    return absl::AlreadyExistsError(absl::StrCat(
        target, state.ok() ? ": a complete checkpoint is there already"
                           : absl::StrCat(" is there and cannot be judged: ", state.message())));
  }
  ASSIGN_OR_RETURN(const std::unique_ptr<FileLock> lock, LockFolder(store, parent));
  const std::string aside = JoinPath(parent, DamagedName(step));
  RETURN_IF_ERROR(store.Rename(target, aside));
  notes.push_back(absl::StrCat(target, " was damaged and is now ", aside, ": ", state.message()));
  return store.SyncFolder(parent);
}

absl::StatusOr<SaveResult> WriteCheckpoint(FileStore& store, const std::string& parent,
                                           const std::string& target, Layout& layout,
                                           std::vector<std::string> notes) {
  SaveResult result;
  result.path = target;
  result.notes = std::move(notes);
  Save save(store, parent, target);
  RETURN_IF_ERROR(save.Begin(layout.manifest.info.step, result.notes));
  // The manifest is small beside the data; encoding it before the checksums are known gives its
  // exact length.
  ASSIGN_OR_RETURN(const std::string manifest, EncodeManifest(layout.manifest));
  int64_t bytes = static_cast<int64_t>(manifest.size());
  for (const PlannedFile& file : layout.files) bytes += file.bytes;
  RETURN_IF_ERROR(save.CheckSpace(bytes));
  auto written = save.WriteFiles(layout);
  if (absl::IsResourceExhausted(written.status())) {
    const auto available = store.FreeBytes(parent);
    return absl::ResourceExhaustedError(
        absl::StrCat(written.status().message(), "; the checkpoint needs ", bytes, " bytes",
                     available.ok() ? absl::StrCat(", ", *available, " are free now") : ""));
  }
  RETURN_IF_ERROR(written.status());
  result.bytes = *written;
  RETURN_IF_ERROR(save.Commit());
  return result;
}

}  // namespace

TensorToSave ParameterToSave(std::string path, const Tensor& tensor) {
  TensorToSave saved;
  saved.path = std::move(path);
  saved.dtype = tensor.dtype;
  saved.dims = tensor.dims;
  saved.data = tensor.defined() ? tensor.data() : nullptr;
  return saved;
}

TensorToSave SlotToSave(std::string path, std::string slot, const Tensor& tensor) {
  TensorToSave saved = ParameterToSave(std::move(path), tensor);
  saved.kind = TensorKind::kSlot;
  saved.slot = std::move(slot);
  return saved;
}

TensorToSave StateToSave(std::string path, const Tensor& tensor) {
  TensorToSave saved = ParameterToSave(std::move(path), tensor);
  saved.kind = TensorKind::kState;
  return saved;
}

absl::StatusOr<SaveResult> SaveCheckpoint(const std::string& directory, const SaveRequest& request,
                                          const SaveOptions& options) {
  FileStore& store = StoreOrLocal(options.store);
  const int64_t step = request.info.step;
  ASSIGN_OR_RETURN(Layout layout, PlanLayout(request, options));
  std::vector<std::string> notes;
  RETURN_IF_ERROR(MakeRoom(store, directory, step, notes));
  auto saved = WriteCheckpoint(store, directory, JoinPath(directory, StepName(step)), layout,
                               std::move(notes));
  if (!saved.ok()) return WithContext(saved.status(), absl::StrCat("save of step ", step));
  if (options.keep_last > 0) {
    // The checkpoint is safe by now: what goes wrong from here on is told, not an error.
    const auto deleted = DeleteOldCheckpointsExcept(store, directory, options.keep_last, step);
    if (!deleted.ok()) {
      saved->notes.push_back(
          absl::StrCat("old checkpoints were not deleted: ", deleted.status().message()));
    }
  }
  return saved;
}

absl::StatusOr<SaveResult> SaveCheckpointAs(const std::string& path, const SaveRequest& request,
                                            const SaveOptions& options) {
  FileStore& store = StoreOrLocal(options.store);
  std::string target = path;
  while (target.size() > 1 && target.back() == '/') target.pop_back();
  if (target.empty() || target.back() == '/' || target.size() == path.find(":/") + 1) {
    return absl::InvalidArgumentError("checkpoint: expected a path to save to, got none");
  }
  ASSIGN_OR_RETURN(Layout layout, PlanLayout(request, options));
  ASSIGN_OR_RETURN(const bool exists, store.Exists(target));
  if (exists) return absl::AlreadyExistsError(absl::StrCat(target, " is there already"));
  return WriteCheckpoint(store, FolderOf(target), target, layout, {});
}

}  // namespace tessera
