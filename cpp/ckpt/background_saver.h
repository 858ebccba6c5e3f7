// BackgroundSaver: saves that cost the training loop a copy, and write while it goes on.
//
// At most one save is pending: the next one waits for it. The copy lives in memory that is kept
// from save to save, as large as the largest so far. An error of a pending save comes out of the
// next Wait or Save. Use from one thread; the writing is done by a thread of its own. What is
// written, and how, is checkpoint_writer.h's business.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <thread>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "cpp/ckpt/checkpoint_writer.h"

namespace tessera {

class BackgroundSaver {
 public:
  BackgroundSaver(std::string directory, SaveOptions options);
  // Waits for a pending save; its error is lost then, so call Wait first.
  ~BackgroundSaver();
  BackgroundSaver(const BackgroundSaver&) = delete;
  BackgroundSaver& operator=(const BackgroundSaver&) = delete;

  // Waits for the pending save, copies the tensors and starts to write them to DIR/step_N. On
  // return the tensors may change. When the pending save failed its error is returned and nothing
  // is started: the caller decides and calls again. RESOURCE_EXHAUSTED without memory for the copy.
  absl::Status Save(SaveRequest request);

  // Waits until nothing is pending. The result of the save that ended last, if it has not been
  // returned before; nothing when there is none.
  absl::StatusOr<std::optional<SaveResult>> Wait();

  // True while a save is being written.
  bool busy() const;

 private:
  void Write();

  const std::string directory_;
  const SaveOptions options_;

  std::unique_ptr<char[]> copy_;
  size_t copy_bytes_ = 0;
  SaveRequest request_;  // its data point into copy_; the thread's own while it runs
  std::thread thread_;

  mutable absl::Mutex mutex_;
  bool busy_ ABSL_GUARDED_BY(mutex_) = false;
  std::optional<absl::StatusOr<SaveResult>> result_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace tessera
