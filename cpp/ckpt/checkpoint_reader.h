// Reading of checkpoints: finding the newest complete one, and its tensors by path and box.
//
// Nothing is trusted: the manifest is checked before use, and every chunk of a data file against
// its CRC32C when a tensor in it is read. What is damaged is reported and left where it is.
// A reader keeps its files open, so it goes on working when the checkpoint is deleted meanwhile.
// CheckpointReader is thread-safe; reads of small tensors take turns.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/types/span.h"
#include "cpp/ckpt/file_store.h"
#include "cpp/ckpt/manifest.h"
#include "cpp/tensor/tensor.h"

namespace tessera {

class CheckpointReader {
 public:
  // Opens the checkpoint folder `path`: reads and checks the manifest, opens all files and compares
  // their lengths. NOT_FOUND when there is no such folder; DATA_LOSS when it is damaged or
  // incomplete; FAILED_PRECONDITION when a newer format wrote it. A null store is the local file
  // system; another one must outlive the reader.
  static absl::StatusOr<std::unique_ptr<CheckpointReader>> Open(const std::string& path,
                                                                FileStore* store = nullptr);

  const std::string& path() const { return path_; }
  const Manifest& manifest() const { return manifest_; }
  const CheckpointInfo& info() const { return manifest_.info; }

  // One record of the tensor (its dtype and global dims are those of all its records), or null.
  const TensorRecord* Find(TensorKind kind, std::string_view path,
                           std::string_view slot = "") const;

  // The whole global tensor, put together from however many boxes it was saved in. NOT_FOUND;
  // DATA_LOSS naming file, chunk, offset, expected and computed CRC32C when data are damaged;
  // RESOURCE_EXHAUSTED without memory.
  absl::StatusOr<Tensor> Read(TensorKind kind, std::string_view path,
                              std::string_view slot = "") const;

  // The part of the tensor from `offset` on, `size` per dim, dense and row-major, into `out` of
  // exactly `bytes`. The boxes it was saved in do not matter. INVALID_ARGUMENT when the box does
  // not lie in the tensor or `bytes` is not its size; otherwise as Read.
  absl::Status ReadBox(TensorKind kind, std::string_view path, std::string_view slot,
                       absl::Span<const int64_t> offset, absl::Span<const int64_t> size, void* out,
                       size_t bytes) const;

  // Reads every byte and compares all checksums, and the headers of the data files with the
  // manifest. DATA_LOSS naming the first damage of each file.
  absl::Status VerifyAll() const;
  // The same for one file, an index into manifest().files.
  absl::Status VerifyFile(size_t file) const;

 private:
  CheckpointReader() = default;

  absl::Status CopyIntersection(const TensorRecord& record, absl::Span<const int64_t> offset,
                                absl::Span<const int64_t> size, char* out) const;
  absl::Status ReadRange(size_t file, int64_t offset, size_t bytes, char* out) const;
  absl::Status ReadChunk(size_t file, int64_t chunk, char* out) const;
  int64_t ChunkBytes(size_t file, int64_t chunk) const;

  std::string path_;
  Manifest manifest_;
  std::vector<std::unique_ptr<ReadableFile>> files_;
  std::map<std::string, std::vector<size_t>, std::less<>> index_;

  // The chunk read last: neighbours of a small tensor are usually wanted next.
  mutable absl::Mutex mutex_;
  mutable std::vector<char> cached_ ABSL_GUARDED_BY(mutex_);
  mutable size_t cached_file_ ABSL_GUARDED_BY(mutex_) = 0;
  mutable int64_t cached_chunk_ ABSL_GUARDED_BY(mutex_) = -1;
};

// How far a search looks before it calls a checkpoint complete.
enum class VerifyDepth {
  kFiles,  // manifest, presence and length of every file: a few reads
  kData,   // and the checksum of every byte
};

struct CheckpointRef {
  std::string path;
  int64_t step = 0;
};

struct DamagedCheckpoint {
  std::string path;
  std::string reason;
};

struct CheckpointList {
  std::vector<CheckpointRef> complete;     // newest (highest step) first
  std::vector<DamagedCheckpoint> damaged;  // newest first
  std::vector<std::string> unfinished;     // temporary folders of saves that did not commit
};

// Everything in DIR that is or was to be a checkpoint. A missing DIR is an empty list; what is
// there but cannot be read counts as damaged.
absl::StatusOr<CheckpointList> ListCheckpoints(const std::string& directory,
                                               VerifyDepth depth = VerifyDepth::kFiles,
                                               FileStore* store = nullptr);

// The newest complete checkpoint of DIR; stops at the first one that passes. What was passed over
// is appended to `damaged` (may be null), to be shown to the user.
//
// NOT_FOUND when DIR holds no checkpoint at all; DATA_LOSS with all reasons when it holds some but
// none is complete: a caller must not take that for a fresh start. FAILED_PRECONDITION when the
// newest one was written by a newer format.
absl::StatusOr<CheckpointRef> FindLatestComplete(const std::string& directory,
                                                 VerifyDepth depth = VerifyDepth::kData,
                                                 std::vector<DamagedCheckpoint>* damaged = nullptr,
                                                 FileStore* store = nullptr);

// What a user means by `path`: itself when it is a checkpoint, otherwise the newest complete one
// in it or in its folder "checkpoints".
absl::StatusOr<std::string> ResolveCheckpoint(const std::string& path, FileStore* store = nullptr);

}  // namespace tessera
