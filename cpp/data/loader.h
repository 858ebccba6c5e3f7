// Loader: the batches of a run, prepared by a thread of its own while the step runs.
//
// Which samples a batch holds follows from the position alone (window.h), so the state to save is
// that number; batches prepared ahead are not part of it. An error while preparing comes out of
// Next at the batch it belongs to. A steady run allocates nothing. One thread at a time may use a
// Loader; destroying it ends its thread.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "cpp/data/batch.h"
#include "cpp/data/dataset.h"
#include "cpp/data/objective.h"
#include "cpp/data/window.h"

namespace tessera {

struct LoaderOptions {
  WindowOptions window = {};   // its rows are global_rows
  // Rows of a step over all ranks; a multiple of world * micro_batches.
  int64_t global_rows = 0;
  int64_t micro_batches = 1;
  int rank = 0;
  int world = 1;
  // Keep documents apart: segment ids, positions from 0, no target across documents.
  bool isolate_documents = false;
  // What becomes of the rows; null: they predict the next token. Its window length is in `window`.
  std::shared_ptr<const Objective> objective = nullptr;
  // Batches prepared ahead, at least 1.
  int prefetch = 2;
};

class Loader {
 public:
  // Over the training part. InvalidArgument on options that do not fit together, or too few
  // tokens for one window.
  static absl::StatusOr<std::unique_ptr<Loader>> ForTraining(
      std::shared_ptr<const Dataset> dataset, const LoaderOptions& options);
  // Over the validation part, in order, once: every target token comes exactly once. Rows that have
  // no targets fill up batches, so all ranks see equally many. With Sampling::kStreams rows go on
  // from batch to batch. Errors as above; FailedPrecondition when nothing is kept for validation.
  static absl::StatusOr<std::unique_ptr<Loader>> ForValidation(
      std::shared_ptr<const Dataset> dataset, const LoaderOptions& options);

  ~Loader();
  Loader(const Loader&) = delete;
  Loader& operator=(const Loader&) = delete;

  // The next batch: the loader's own, valid until Next, Seek or RestoreState is called. Null
  // after the last one (validation only). After an error every call returns that error.
  absl::StatusOr<const Batch*> Next();

  // Samples consumed by the batches that Next has returned, over all ranks.
  int64_t position() const { return position_; }
  int64_t windows_per_epoch() const { return sampler_.windows_per_epoch(); }
  // Batches it takes to see every window once, rounded up.
  int64_t batches_per_epoch() const;

  // Goes to a position; what was prepared is dropped, an error is forgotten. OutOfRange when
  // negative.
  absl::Status Seek(int64_t position);

  // A few lines of text: the position, and what its meaning depends on (seed, sampling, sequence
  // length, corpus, objective).
  std::string SaveState() const;
  // Continues exactly where SaveState was called, whatever the number of ranks and, but for
  // streams, the batch size. DataLoss when it cannot be read; FailedPrecondition naming what
  // differs when the position would mean other samples here. On error the loader is unchanged.
  absl::Status RestoreState(std::string_view state);

 private:
  struct Slot {
    Batch batch;
    absl::Status status;
    bool is_end = false;
  };

  static absl::StatusOr<std::unique_ptr<Loader>> Make(std::shared_ptr<const Dataset> dataset,
                                                      TokenRange range, LoaderOptions options);
  Loader(std::shared_ptr<const Dataset> dataset, TokenRange range, const LoaderOptions& options,
         WindowSampler sampler);

  absl::Status Start();
  void Stop();
  void Work(int64_t position);
  // Fills the slot with this rank's rows of the batch at `position`.
  void Prepare(int64_t position, Slot& slot);
  absl::Status FillBatch(int64_t position, Batch& batch);

  const std::shared_ptr<const Dataset> dataset_;
  const TokenRange range_;
  const LoaderOptions options_;
  const WindowSampler sampler_;
  const uint64_t fingerprint_;

  // Slots form a ring. Those from taken_ to filled_ - 1 are ready; the one before taken_ is the
  // caller's; the thread writes at filled_ as long as that is free.
  std::vector<Slot> slots_;
  std::vector<int32_t> scratch_;  // of the thread

  absl::Mutex mutex_;
  int64_t filled_ ABSL_GUARDED_BY(mutex_) = 0;
  int64_t taken_ ABSL_GUARDED_BY(mutex_) = 0;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;

  std::thread thread_;
  int64_t position_ = 0;
  absl::Status error_;
  bool ended_ = false;
};

}  // namespace tessera
