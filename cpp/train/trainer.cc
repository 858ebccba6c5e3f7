// The trainer's steps and its loop.
#include "cpp/train/trainer.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "absl/strings/str_cat.h"
#include "cpp/base/clock.h"
#include "cpp/base/file.h"
#include "cpp/base/status_macros.h"
#include "cpp/base/text.h"
#include "cpp/train/agreement.h"
#include "cpp/train/chrome_trace.h"
#include "cpp/train/machine_peak.h"
#include "cpp/train/model.h"
#include "cpp/train/trainer_state.h"

namespace tessera {
namespace {

// Where the first number that is not finite lies in the parameters, or "".
std::string NonFiniteParameter(const Program& program, const SlotStore& store) {
  for (const ProgramParam& param : program.params) {
    const Tensor tensor = store.Find(SlotKind::kParam, param.path);
    if (!tensor.defined() || !IsFloat(tensor.dtype)) continue;
    for (int64_t i = 0; i < tensor.count(); ++i) {
      if (!std::isfinite(tensor.At(i))) {
        return absl::StrCat("parameter ", param.path, " holds ", ShortestNumber(tensor.At(i)),
                            " at element ", i, " already");
      }
    }
  }
  return "";
}

}  // namespace

absl::Status Trainer::State::Fail(const absl::Status& status) {
  const bool is_from_group = absl::IsAborted(status) || absl::IsUnavailable(status);
  if (status.ok() || is_alone() || is_from_group) return status;
  const std::string text = absl::StrCat("rank ", settings.rank, ": ", status.message());
  communicator()->Abort(text);
  return absl::Status(status.code(), text);
}

absl::StatusOr<StepResult> Trainer::State::Step() {
  if (step >= settings.trainer.steps) {
    return absl::OutOfRangeError(
        absl::StrCat("step: all ", settings.trainer.steps, " steps of trainer.steps are done"));
  }
  if (peak_flops_per_s < 0) {
    absl::StatusOr<double> peak = MeasurePeakFlops(run.environment, dtype);
    peak_flops_per_s = peak.ok() ? *peak : 0;  // 0: mfu is not known
  }
  return TakeStep();
}

absl::StatusOr<StepResult> Trainer::State::TakeStep() {
  const Stopwatch watch;
  absl::StatusOr<const Batch*> batch = loader->Next();
  if (!batch.ok()) return Fail(batch.status());
  const int64_t attempt = step + 1;
  const bool is_traced = !settings.trainer.trace.empty() && attempt == settings.trainer.trace_step;
  if (is_traced) train_step->executor().StartTrace();
  absl::StatusOr<StepGradients> gradients = Gradients(**batch, attempt);
  if (!gradients.ok()) return Fail(gradients.status());
  StepResult result;
  const absl::StatusOr<double> factor =
      schedule->FactorOrError(attempt - 1, settings.trainer.steps);
  if (!factor.ok()) return Fail(factor.status());
  result.learning_rate = optimizer->learning_rate() * *factor;
  if (gradients->is_finite) {
    const absl::Status status =
        train_step->Commit(result.learning_rate, update_count + 1, gradients->grad_norm);
    if (!status.ok()) return Fail(status);
    ++update_count;
  } else {
    RETURN_IF_ERROR(OnNonFinite(*gradients, attempt));
    result.skipped = true;
  }
  if (is_traced) {
    const absl::Status status = WriteTrace();
    if (!status.ok()) return Fail(status);
  }
  step = attempt;
  tokens += gradients->target_count;
  result.step = step;
  result.loss = gradients->loss;
  result.grad_norm = gradients->grad_norm;
  result.tokens = tokens;
  result.step_s = watch.Seconds();
  result.tokens_per_s =
      static_cast<double>(gradients->target_count) / std::max(result.step_s, 1e-9);
  const absl::Status status = WriteStep(result);
  if (!status.ok()) return Fail(status);
  return result;
}

absl::StatusOr<StepGradients> Trainer::State::Gradients(const Batch& batch, int64_t attempt) {
  if (routing != nullptr) RETURN_IF_ERROR(routing->BeforeStep(batch, attempt));
  ASSIGN_OR_RETURN(const StepGradients gradients, train_step->ComputeGradients(batch, attempt));
  if (routing != nullptr) RETURN_IF_ERROR(routing->AfterStep(batch, attempt));
  return gradients;
}

absl::Status Trainer::State::WriteTrace() {
  const std::string path = TracePathOf(settings.trainer.trace, settings.rank);
  const absl::Status status =
      WriteFile(path, ChromeTrace(train_step->executor().TakeTrace(), settings.rank));
  if (status.ok()) return status;
  return absl::Status(status.code(), absl::StrCat("trainer.trace: ", status.message()));
}

absl::Status Trainer::State::OnNonFinite(const StepGradients& gradients, int64_t attempt) {
  std::string op;
  if (settings.trainer.find_non_finite) {
    ASSIGN_OR_RETURN(op, NameNonFinite());
  }
  const std::string text = absl::StrCat(
      "step ", attempt, ": expected finite numbers, got loss ", ShortestNumber(gradients.loss),
      " and gradient norm ", ShortestNumber(gradients.grad_norm), op.empty() ? "" : "; ", op);
  if (settings.trainer.nan_policy == NanPolicy::kSkip) {
    notes.push_back(absl::StrCat(text, "; the step was not applied"));
    return WriteNotes();
  }
  // The batch is given back: the same step fails alike when it is tried again.
  const int64_t rows = settings.trainer.batch_size;
  const absl::Status status = loader->Seek(loader->position() - rows);
  if (!status.ok()) return Fail(status);
  return absl::FailedPreconditionError(absl::StrCat(
      text, "; nothing was applied (trainer.nan_policy=skip goes on",
      settings.trainer.find_non_finite ? ")" : ", trainer.find_non_finite=true names the op)"));
}

absl::StatusOr<std::string> Trainer::State::NameNonFinite() {
  absl::StatusOr<std::string> found = train_step->FirstNonFinite();
  if (!found.ok()) return Fail(found.status());
  if (found->empty()) found = NonFiniteParameter(train_step->program(), *store);
  ASSIGN_OR_RETURN(std::string text, AgreeOnText(communicator(), *found));
  if (!text.empty()) return text;
  return absl::StrCat("the result of every op is finite, the sum of squares is not");
}

absl::Status Trainer::State::WriteStep(const StepResult& result) {
  StepRecord record;
  record.step = result.step;
  record.skipped = result.skipped;
  record.loss = result.loss;
  record.grad_norm = result.grad_norm;
  record.learning_rate = result.learning_rate;
  record.tokens = result.tokens;
  record.tokens_per_s = result.tokens_per_s;
  record.step_s = result.step_s;
  if (peak_flops_per_s > 0) {
    // A machine that was busy when it was measured shows its peak later.
    const double rate = flops / std::max(result.step_s, 1e-9);
    peak_flops_per_s = std::max(peak_flops_per_s, rate);
    record.mfu = rate / peak_flops_per_s;
  } else {
    record.mfu = std::numeric_limits<double>::quiet_NaN();
  }
  record.sums = train_step->sums();
  return metrics.WriteStep(record);
}

absl::Status Trainer::State::MakeEvaluator() {
  if (evaluator != nullptr) return absl::OkStatus();
  ASSIGN_OR_RETURN(validation_loader, Loader::ForValidation(dataset, settings.ForValidation()));
  CompileOptions compile;
  compile.results = false;
  ASSIGN_OR_RETURN(
      std::shared_ptr<const Program> program,
      CompileModel(config, run.environment, {.mode = Mode::kEvaluate}, compile));
  EvaluatorOptions evaluator_options;
  evaluator_options.rows = settings.micro_rows;
  evaluator_options.sequence = settings.trainer.sequence_length;
  if (settings.objective != nullptr) evaluator_options.others = settings.objective->Others();
  evaluator_options.seed = static_cast<uint64_t>(settings.runtime.seed);
  ASSIGN_OR_RETURN(evaluator, Evaluator::Create(std::move(program), run.environment, *store,
                                                evaluator_options));
  return absl::OkStatus();
}

absl::StatusOr<double> Trainer::State::Evaluate(const std::function<bool()>& cancelled) {
  if (dataset->validation().size() == 0) {
    return absl::FailedPreconditionError(
        "evaluate: there is no validation split; name data.validation or set "
        "data.validation_fraction");
  }
  const Stopwatch watch;
  absl::Status status = MakeEvaluator();
  if (!status.ok()) return Fail(status);
  absl::StatusOr<Evaluation> evaluation =
      evaluator->Run(*validation_loader, settings.trainer.eval_batches, cancelled);
  if (absl::IsCancelled(evaluation.status())) return evaluation.status();
  if (!evaluation.ok()) return Fail(evaluation.status());
  status = metrics.WriteEvaluation(step, evaluation->loss, evaluation->target_count,
                                   watch.Seconds());
  if (!status.ok()) return Fail(status);
  return evaluation->loss;
}

bool Trainer::State::IsEvaluationDue() const {
  if (dataset->validation().size() == 0) return false;
  const int64_t every = settings.trainer.eval_every;
  return step == settings.trainer.steps || (every > 0 && step % every == 0);
}

absl::Status Trainer::State::Run(int64_t steps, const std::function<bool()>& cancelled,
                                 const Progress& progress) {
  const int64_t total = settings.trainer.steps;
  const int64_t target = steps > 0 ? std::min(total, step + steps) : total;
  const auto wants_stop = [&]() { return cancelled && cancelled(); };
  ASSIGN_OR_RETURN(bool stops, AgreeOnAny(communicator(), wants_stop()));
  while (!stops && step < target) {
    ASSIGN_OR_RETURN(StepResult result, Step());
    ASSIGN_OR_RETURN(stops, AgreeOnAny(communicator(), wants_stop()));
    if (!stops && IsEvaluationDue()) {
      const absl::StatusOr<double> loss = Evaluate(cancelled);
      stops = absl::IsCancelled(loss.status());
      if (!stops && !loss.ok()) return loss.status();
      if (loss.ok()) result.eval_loss = *loss;
    }
    if (progress) progress(result);
    const int64_t every = settings.trainer.save_every;
    if (!stops && every > 0 && step % every == 0 && step < total) {
      RETURN_IF_ERROR(SaveInBackground());
    }
  }
  const bool saves = !checkpoint_folder().empty() && (stops || step == total);
  if (saves) {
    RETURN_IF_ERROR(Save(""));
  } else {
    RETURN_IF_ERROR(Fail(FinishSave()));
  }
  if (!stops) return absl::OkStatus();
  return absl::CancelledError(absl::StrCat(
      "cancelled after step ", step,
      saves ? ", which is saved"
            : ", which is not saved: there is no out_dir and no trainer.checkpoint_folder"));
}

Trainer::Trainer(std::unique_ptr<State> state) : state_(std::move(state)) {}
Trainer::~Trainer() = default;

absl::StatusOr<StepResult> Trainer::Step() { return state_->Step(); }

absl::Status Trainer::Run(int64_t steps, const std::function<bool()>& cancelled,
                          const Progress& progress) {
  return state_->Run(steps, cancelled, progress);
}

absl::StatusOr<double> Trainer::Evaluate() { return state_->Evaluate({}); }
absl::Status Trainer::Save(const std::string& path) { return state_->Save(path); }
absl::Status Trainer::Load(const std::string& path) { return state_->Load(path); }
void Trainer::AddSink(Sink sink) { state_->metrics.AddSink(std::move(sink)); }

int64_t Trainer::step() const { return state_->step; }
int64_t Trainer::total_steps() const { return state_->settings.trainer.steps; }
const Config& Trainer::config() const { return state_->config; }
const std::shared_ptr<const Tokenizer>& Trainer::tokenizer() const {
  return state_->dataset->tokenizer();
}
const std::shared_ptr<SlotStore>& Trainer::parameters() const { return state_->store; }
const MemoryReport& Trainer::memory() const { return state_->train_step->executor().memory(); }
double Trainer::step_flops() const { return state_->flops; }
const std::string& Trainer::out_dir() const { return state_->options.out_dir; }

int64_t Trainer::parameter_count() const {
  int64_t count = 0;
  for (const ProgramParam& param : state_->train_step->program().params) {
    count += Product(param.dims).value();
  }
  return count;
}

}  // namespace tessera
