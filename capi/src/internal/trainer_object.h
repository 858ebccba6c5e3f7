// TrainerObject: a trainer of a runtime, used by one thread at a time: its caller or its job.
//
// Thread-safe; a second thread gets FAILED_PRECONDITION.
#pragma once

#include <memory>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "capi/src/internal/handle.h"
#include "capi/src/internal/job_object.h"
#include "capi/src/internal/one_thread.h"
#include "capi/src/internal/runtime_object.h"
#include "cpp/train/trainer.h"

namespace tessera::capi {

tsr_step_result ToStruct(const StepResult& step);

class TrainerObject : public std::enable_shared_from_this<TrainerObject> {
 public:
  TrainerObject(std::shared_ptr<RuntimeObject> runtime, std::unique_ptr<Trainer> trainer)
      : runtime_(std::move(runtime)), trainer_(std::move(trainer)) {}

  const std::shared_ptr<RuntimeObject>& runtime() const { return runtime_; }
  // For whoever is inside.
  Trainer& trainer() { return *trainer_; }

  // FAILED_PRECONDITION when a job or another thread is inside.
  absl::StatusOr<OneThread::Inside> Enter();
  // Trains on a thread of its own.
  absl::StatusOr<std::shared_ptr<JobObject>> StartJob(int64_t steps);
  // Cancels the job that runs, if any, and waits for its end (not on the job's own thread).
  void EndJob();

 private:
  // The runtime goes last: the trainer uses its threads and tables.
  const std::shared_ptr<RuntimeObject> runtime_;
  const std::unique_ptr<Trainer> trainer_;
  OneThread one_thread_;
  absl::Mutex mutex_;
  std::weak_ptr<JobState> job_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace tessera::capi

struct tsr_trainer
    : tessera::capi::ShellOf<tessera::capi::TrainerObject, tessera::capi::HandleKind::kTrainer> {};
