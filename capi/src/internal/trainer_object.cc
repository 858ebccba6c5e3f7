#include "capi/src/internal/trainer_object.h"

#include <algorithm>
#include <utility>

#include "cpp/base/status_macros.h"

namespace tessera::capi {
tsr_step_result ToStruct(const StepResult& step) {
  tsr_step_result result{};
  result.struct_size = sizeof(result);
  result.skipped = step.skipped ? 1 : 0;
  result.step = step.step;
  result.loss = step.loss;
  result.grad_norm = step.grad_norm;
  result.learning_rate = step.learning_rate;
  result.tokens = step.tokens;
  result.tokens_per_s = step.tokens_per_s;
  result.step_s = step.step_s;
  result.eval_loss = step.eval_loss;
  return result;
}

absl::StatusOr<OneThread::Inside> TrainerObject::Enter() {
  absl::StatusOr<OneThread::Inside> inside = one_thread_.Enter("trainer");
  if (inside.ok()) return inside;
  absl::MutexLock lock(&mutex_);
  const std::shared_ptr<JobState> job = job_.lock();
  if (job == nullptr || job->Progress().done != 0) return inside;
  return absl::FailedPreconditionError(
      "trainer: expected no call while its job runs, got one; wait for the job or cancel it");
}

absl::StatusOr<std::shared_ptr<JobObject>> TrainerObject::StartJob(int64_t steps) {
  ASSIGN_OR_RETURN(OneThread::Inside inside, Enter());
  auto state = std::make_shared<JobState>();
  const int64_t first = trainer_->step();
  const int64_t all = trainer_->total_steps();
  state->SetTotal(first, steps > 0 ? std::min(all, first + std::min(steps, all)) : all);
  {
    absl::MutexLock lock(&mutex_);
    job_ = state;
  }
  // In the order of their end: the job leaves the trainer, then lets it go.
  struct Work {
    std::shared_ptr<TrainerObject> self;
    OneThread::Inside inside;
  };
  auto held = std::make_shared<Work>(Work{shared_from_this(), std::move(inside)});
  return JobObject::Start(runtime_, state, [held = std::move(held), state, steps] {
    return held->self->trainer_->Run(
        steps, [state] { return state->is_cancelled(); },
        [state](const StepResult& step) { state->SetStep(ToStruct(step)); });
  });
}

void TrainerObject::EndJob() {
  std::shared_ptr<JobState> job;
  {
    absl::MutexLock lock(&mutex_);
    job = job_.lock();
  }
  if (job == nullptr) return;
  job->Cancel();
  job->WaitForEnd();
}

}  // namespace tessera::capi
