// Loader: the batches of a run, prepared by a thread of its own while the step runs.
//
// Which samples a batch holds follows from the position alone (window.h), so the state to save is
// that number; batches prepared ahead are not part of it. An error while preparing comes out of
// Next at the batch it belongs to. One thread at a time may use a Loader; destroying it ends its
// thread.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "cpp/data/batch.h"
#include "cpp/data/dataset.h"
#include "cpp/data/window.h"

namespace tessera {

struct LoaderOptions {
  WindowOptions window;
  // Rows of a step over all ranks; a multiple of world * micro_batches.
  int64_t global_rows = 0;
  int64_t micro_batches = 1;
  int rank = 0;
  int world = 1;
  // Keep documents apart: segment ids, positions from 0, no target across documents.
  bool isolate_documents = false;
  // Batches prepared ahead, at least 1.
  int prefetch = 2;
};

class Loader {
 public:
  // Over the training part, or the validation part (then sampling is kOnce, without shuffling;
  // the last batch is filled up with rows that have no targets, so all ranks see the same
  // number of batches). InvalidArgument on options that do not fit together or too few tokens.
  static absl::StatusOr<std::unique_ptr<Loader>> ForTraining(
      std::shared_ptr<const Dataset> dataset, const LoaderOptions& options);
  static absl::StatusOr<std::unique_ptr<Loader>> ForValidation(
      std::shared_ptr<const Dataset> dataset, const LoaderOptions& options);

  virtual ~Loader() = default;

  // The next batch, owned by the loader and valid until the next call of any function but the
  // const ones. Null after the last one (validation only). After an error every call returns it.
  virtual absl::StatusOr<const Batch*> Next() = 0;

  // Samples consumed by the batches that Next has returned, over all ranks.
  virtual int64_t position() const = 0;
  virtual int64_t windows_per_epoch() const = 0;
  // Number of batches from position 0 (validation), or in one epoch, rounded up.
  virtual int64_t batches_per_epoch() const = 0;

  // Goes to a position; what was prepared is dropped. OutOfRange when negative.
  virtual absl::Status Seek(int64_t position) = 0;

  // A few lines of text: position, and what it depends on (seed, sampling, sequence, corpus).
  virtual std::string SaveState() const = 0;
  // Continues exactly where SaveState was called, whatever the batch size and number of ranks.
  // DataLoss when it cannot be read; FailedPrecondition naming what differs when the position
  // would mean other samples here. On error the loader is unchanged.
  virtual absl::Status RestoreState(std::string_view state) = 0;
};

}  // namespace tessera
