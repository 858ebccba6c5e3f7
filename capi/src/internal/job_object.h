// JobObject: long work on a thread of its own, which can be watched, waited for and cancelled.
//
// The state outlives the object, for the thread and for those who wait. The end of the object
// cancels and joins; on the job's own thread (a callback that frees the job) it cannot join, and
// the thread then ends by itself. Thread-safe.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "capi/src/internal/handle.h"
#include "capi/src/internal/runtime_object.h"

namespace tessera::capi {

class JobState {
 public:
  void Cancel() { is_cancelled_.store(true); }
  bool is_cancelled() const { return is_cancelled_.load(); }

  void SetTotal(int64_t first_step, int64_t total_steps);
  void SetStep(const tsr_step_result& last);
  // In bytes, for jobs that have no steps.
  void SetProgress(int64_t done, int64_t total);
  // A JSON object; before the end.
  void SetReport(std::string report);
  // Then calls and drops what OnEnd was given.
  void Finish(absl::Status status);
  // Calls `callback` when the job has ended; at once when it has.
  void OnEnd(std::function<void()> callback);

  tsr_progress Progress() const;
  // Waits until the job has ended, at most `timeout_s` (negative: for ever). The job's status;
  // DEADLINE_EXCEEDED while it runs, FAILED_PRECONDITION on the job's own thread.
  absl::Status Wait(double timeout_s) const;
  // FAILED_PRECONDITION when the job has not ended, or not well.
  absl::StatusOr<std::string> Report() const;
  // Waits, but not on the job's own thread.
  void WaitForEnd() const;

  void SetThread(std::thread::id thread) { thread_.store(thread); }
  bool IsOnItsThread() const { return thread_.load() == std::this_thread::get_id(); }

 private:
  std::atomic<bool> is_cancelled_{false};
  std::atomic<std::thread::id> thread_{};
  mutable absl::Mutex mutex_;
  bool is_done_ ABSL_GUARDED_BY(mutex_) = false;
  absl::Status status_ ABSL_GUARDED_BY(mutex_);
  std::string report_ ABSL_GUARDED_BY(mutex_) = "{}";
  int64_t step_ ABSL_GUARDED_BY(mutex_) = 0;
  int64_t total_steps_ ABSL_GUARDED_BY(mutex_) = 0;
  tsr_step_result last_ ABSL_GUARDED_BY(mutex_){};
  std::vector<std::function<void()>> on_end_ ABSL_GUARDED_BY(mutex_);
};

class JobObject {
 public:
  // Runs `work` on a new thread and finishes `state` with its status; what it captures is gone
  // before that. RESOURCE_EXHAUSTED when there can be no more threads; `work` is then not run.
  static absl::StatusOr<std::shared_ptr<JobObject>> Start(
      std::shared_ptr<RuntimeObject> runtime, std::shared_ptr<JobState> state,
      std::function<absl::Status()> work);
  ~JobObject();

  const std::shared_ptr<RuntimeObject>& runtime() const { return runtime_; }
  JobState& state() { return *state_; }

 private:
  JobObject(std::shared_ptr<RuntimeObject> runtime, std::shared_ptr<JobState> state)
      : runtime_(std::move(runtime)), state_(std::move(state)) {}

  const std::shared_ptr<RuntimeObject> runtime_;
  const std::shared_ptr<JobState> state_;
  std::thread thread_;
};

}  // namespace tessera::capi

struct tsr_job : tessera::capi::ShellOf<tessera::capi::JobObject, tessera::capi::HandleKind::kJob> {
};
