#include "cpp/train/evaluator.h"

#include <algorithm>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "cpp/base/status_macros.h"
#include "cpp/generate/parameters.h"
#include "cpp/train/agreement.h"

namespace tessera {
namespace {

absl::Status CopyValues(const Tensor& from, Tensor& to) {
  RET_CHECK_EQ(from.count(), to.count());
  if (from.dtype == to.dtype) {
    std::memcpy(to.data(), from.data(), to.bytes());
  } else {
    for (int64_t i = 0; i < to.count(); ++i) to.Put(i, from.At(i));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::unique_ptr<Evaluator>> Evaluator::Create(
    std::shared_ptr<const Program> program, const Environment& environment,
    const SlotStore& parameters, const EvaluatorOptions& options) {
  auto evaluator =
      std::unique_ptr<Evaluator>(new Evaluator(program, options, environment.communicator));
  auto store = std::make_shared<SlotStore>();
  for (const Slot& slot : program->slots) {
    if (slot.kind != SlotKind::kParam && slot.kind != SlotKind::kWeight) continue;
    const Tensor tensor = parameters.Find(slot.kind, slot.name);
    RET_CHECK(tensor.defined() || slot.kind == SlotKind::kWeight)
        << slot.name << " is no parameter of the training program";
    if (tensor.defined()) RETURN_IF_ERROR(store->Put(slot.kind, slot.name, tensor));
  }
  ExecutorOptions executor;
  executor.sizes = {{"B", options.rows}, {"T", options.sequence}, {"U", options.sequence}};
  executor.isa = environment.isa;
  executor.memory_limit_bytes = environment.memory_limit_bytes;
  ASSIGN_OR_RETURN(evaluator->executor_,
                   Executor::Create(std::move(program), *environment.kernels, environment.pool,
                                    std::move(store), executor));
  RETURN_IF_ERROR(evaluator->FindSlots());
  return evaluator;
}

absl::Status Evaluator::FindSlots() {
  for (size_t s = 0; s < program_->slots.size(); ++s) {
    const Slot& slot = program_->slots[s];
    const bool is_wanted = slot.kind == SlotKind::kInput || slot.kind == SlotKind::kKey ||
                           slot.kind == SlotKind::kState;
    if (!is_wanted) continue;
    ASSIGN_OR_RETURN(Tensor tensor, executor_->SlotTensor(static_cast<int>(s)));
    if (slot.kind == SlotKind::kState) {
      states_.push_back(std::move(tensor));
    } else if (slot.kind == SlotKind::kKey) {
      FillKey(options_.seed, 0, slot.name, tensor.data_as<uint32_t>());
    } else if (slot.name == "tokens") {
      inputs_.push_back({std::move(tensor), &Batch::tokens});
    } else if (slot.name == "targets") {
      inputs_.push_back({std::move(tensor), &Batch::targets});
    } else if (slot.name == "positions") {
      inputs_.push_back({std::move(tensor), &Batch::positions});
    } else if (slot.name == "segments") {
      inputs_.push_back({std::move(tensor), &Batch::segments});
    } else if (slot.name == "batch_offset") {
      inputs_.push_back({std::move(tensor), nullptr});
    } else if (std::find(options_.others.begin(), options_.others.end(), slot.name) !=
               options_.others.end()) {
      inputs_.push_back({std::move(tensor), nullptr, slot.name});
    } else {
      return absl::InvalidArgumentError(absl::StrCat("model input '", slot.name,
                                                     "': there are no data for it in evaluation"));
    }
  }
  for (const SumSpec& spec : program_->sums) {
    if (!spec.is_loss) continue;
    ASSIGN_OR_RETURN(Tensor numerator, executor_->SlotTensor(spec.numerator_slot));
    ASSIGN_OR_RETURN(Tensor denominator, executor_->SlotTensor(spec.denominator_slot));
    places_.push_back({spec.weight, std::move(numerator), std::move(denominator)});
  }
  return absl::OkStatus();
}

absl::Status Evaluator::RunBatch(const Batch& batch, std::vector<double>& totals) {
  RET_CHECK_EQ(batch.rows(), options_.rows);
  for (Input& input : inputs_) {
    if (!input.other.empty()) {
      RETURN_IF_ERROR(CopyValues(batch.others.at(input.other), input.tensor));
    } else if (input.source == nullptr) {
      *input.tensor.data_as<int64_t>() = batch.first_row;
    } else {
      std::memcpy(input.tensor.data(), (batch.*input.source).data(), input.tensor.bytes());
    }
  }
  RETURN_IF_ERROR(executor_->Run({ActionKind::kForward}));
  for (size_t i = 0; i < places_.size(); ++i) {
    totals[2 * i] += places_[i].numerator.At(0);
    totals[2 * i + 1] += places_[i].denominator.At(0);
  }
  totals.back() += static_cast<double>(batch.target_count);
  return absl::OkStatus();
}

absl::StatusOr<Evaluation> Evaluator::Run(Loader& loader, int64_t most_batches,
                                          const std::function<bool()>& cancelled) {
  const bool is_alone = communicator_ == nullptr || communicator_->size() <= 1;
  RETURN_IF_ERROR(executor_->Run({ActionKind::kRefresh}));
  for (const Tensor& state : states_) std::memset(state.data(), 0, state.bytes());
  RETURN_IF_ERROR(loader.Seek(0));
  Evaluation evaluation;
  std::vector<double> totals(2 * places_.size() + 1, 0.0);
  while (most_batches <= 0 || evaluation.batches < most_batches) {
    if (is_alone && cancelled && cancelled()) return absl::CancelledError("evaluation cancelled");
    ASSIGN_OR_RETURN(const Batch* batch, loader.Next());
    if (batch == nullptr) break;
    RETURN_IF_ERROR(RunBatch(*batch, totals));
    ++evaluation.batches;
  }
  RETURN_IF_ERROR(SumOverRanks(communicator_, absl::MakeSpan(totals)));
  for (size_t i = 0; i < places_.size(); ++i) {
    const double denominator = totals[2 * i + 1];
    if (denominator != 0) evaluation.loss += places_[i].weight * totals[2 * i] / denominator;
  }
  evaluation.target_count = static_cast<int64_t>(totals.back());
  return evaluation;
}

}  // namespace tessera
