#include "capi/src/internal/job_object.h"

#include <system_error>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "capi/src/internal/guard.h"

namespace tessera::capi {

void JobState::SetTotal(int64_t first_step, int64_t total_steps) {
  absl::MutexLock lock(&mutex_);
  step_ = first_step;
  total_steps_ = total_steps;
}

void JobState::SetProgress(int64_t done, int64_t total) {
  absl::MutexLock lock(&mutex_);
  step_ = done;
  total_steps_ = total;
}

void JobState::SetReport(std::string report) {
  absl::MutexLock lock(&mutex_);
  report_ = std::move(report);
}

absl::StatusOr<std::string> JobState::Report() const {
  absl::MutexLock lock(&mutex_);
  if (is_done_ && status_.ok()) return report_;
  return absl::FailedPreconditionError(
      is_done_ ? absl::StrCat("job: expected one that ended well, got: ", status_.message())
               : "job: expected one that has ended, got one that runs");
}

void JobState::SetStep(const tsr_step_result& last) {
  absl::MutexLock lock(&mutex_);
  step_ = last.step;
  last_ = last;
}

void JobState::Finish(absl::Status status) {
  std::vector<std::function<void()>> callbacks;
  {
    absl::MutexLock lock(&mutex_);
    status_ = std::move(status);
    is_done_ = true;
    callbacks.swap(on_end_);
  }
  for (const auto& callback : callbacks) callback();
}

void JobState::OnEnd(std::function<void()> callback) {
  {
    absl::MutexLock lock(&mutex_);
    if (!is_done_) {
      on_end_.push_back(std::move(callback));
      return;
    }
  }
  callback();
}

tsr_progress JobState::Progress() const {
  absl::MutexLock lock(&mutex_);
  tsr_progress progress{};
  progress.struct_size = sizeof(progress);
  progress.done = is_done_ ? 1 : 0;
  progress.step = step_;
  progress.total_steps = total_steps_;
  progress.last = last_;
  progress.last.struct_size = sizeof(progress.last);
  return progress;
}

absl::Status JobState::Wait(double timeout_s) const {
  absl::MutexLock lock(&mutex_);
  if (!is_done_ && IsOnItsThread()) {
    return absl::FailedPreconditionError(
        "job: expected another thread to wait for it, got the job's own");
  }
  const absl::Condition is_done(&is_done_);
  if (timeout_s < 0) {
    mutex_.Await(is_done);
  } else if (!mutex_.AwaitWithTimeout(is_done, absl::Seconds(timeout_s))) {
    return absl::DeadlineExceededError(
        absl::StrCat("job: is still running after ", timeout_s, " s, at step ", step_, " of ",
                     total_steps_));
  }
  return status_;
}

void JobState::WaitForEnd() const {
  if (IsOnItsThread()) return;
  absl::MutexLock lock(&mutex_);
  mutex_.Await(absl::Condition(&is_done_));
}

absl::StatusOr<std::shared_ptr<JobObject>> JobObject::Start(std::shared_ptr<RuntimeObject> runtime,
                                                            std::shared_ptr<JobState> state,
                                                            std::function<absl::Status()> work) {
  std::shared_ptr<JobObject> job(new JobObject(runtime, state));
  // Made here, so that whatever fails for want of memory fails before there is a thread.
  auto run = [runtime = std::move(runtime), state, work = std::move(work)]() mutable noexcept {
    state->SetThread(std::this_thread::get_id());
    absl::Status status;
    try {
      status = work();
    } catch (...) {
      status = StatusOfException();
    }
    PoisonWhenBroken(status, runtime.get());
    work = nullptr;
    runtime.reset();
    state->Finish(std::move(status));
  };
  try {
    job->thread_ = std::thread(std::move(run));
  } catch (const std::system_error& error) {
    state->Finish(absl::OkStatus());
    return absl::ResourceExhaustedError(
        absl::StrCat("job: expected room for another thread, got: ", error.what()));
  }
  return job;
}

JobObject::~JobObject() {
  state_->Cancel();
  if (!thread_.joinable()) return;
  if (thread_.get_id() == std::this_thread::get_id()) {
    thread_.detach();
  } else {
    thread_.join();
  }
}

}  // namespace tessera::capi
