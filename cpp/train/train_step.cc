#include "cpp/train/train_step.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "cpp/base/status_macros.h"
#include "cpp/compile/compiler.h"
#include "cpp/generate/parameters.h"
#include "cpp/train/agreement.h"

namespace tessera {
namespace {

constexpr ActionKind kPrologue[] = {ActionKind::kPrologue};
constexpr ActionKind kGradients[] = {ActionKind::kForward, ActionKind::kBackward,
                                     ActionKind::kInputGradient, ActionKind::kWeightGradient,
                                     ActionKind::kReduceSlot, ActionKind::kCollect};
constexpr ActionKind kReduceAndNorm[] = {ActionKind::kReduce, ActionKind::kNorm};
constexpr ActionKind kCommit[] = {ActionKind::kCommit};
constexpr ActionKind kRefresh[] = {ActionKind::kRefresh};

// Rows of one micro-batch, from the batch's tensor into the program's.
void CopyRows(const Tensor& source, std::vector<Tensor>& targets) {
  const char* bytes = static_cast<const char*>(source.data());
  int64_t element = 0;
  for (Tensor& target : targets) {
    if (target.dtype != source.dtype) {   // images in the model's dtype
      for (int64_t i = 0; i < target.count(); ++i) target.Put(i, source.At(element++));
      continue;
    }
    std::memcpy(target.data(), bytes, target.bytes());
    bytes += target.bytes();
  }
}

}  // namespace

absl::StatusOr<std::unique_ptr<TrainStep>> TrainStep::Create(
    std::shared_ptr<const Program> program, const Environment& environment,
    std::shared_ptr<SlotStore> store, const TrainStepOptions& options) {
  if (environment.world() > 1 && !program->not_data_parallel.empty()) {
    return absl::InvalidArgumentError(absl::StrCat("model: ", environment.world(),
                                                   " ranks cannot share its batch: ",
                                                   program->not_data_parallel));
  }
  auto step = std::unique_ptr<TrainStep>(new TrainStep(program, options, environment));
  ExecutorOptions executor;
  // U: a source sequence, should the model read one; what it lacks data for is told below.
  executor.sizes = {{"B", options.micro_rows}, {"T", options.sequence}, {"U", options.sequence}};
  executor.isa = environment.isa;
  executor.memory_limit_bytes = environment.memory_limit_bytes;
  executor.profile = options.profile;
  executor.communicator = environment.communicator;
  ASSIGN_OR_RETURN(step->executor_,
                   Executor::Create(std::move(program), *environment.kernels, environment.pool,
                                    std::move(store), executor));
  RETURN_IF_ERROR(step->FindSlots());
  return step;
}

absl::Status TrainStep::FindSlots() {
  for (size_t s = 0; s < program_->slots.size(); ++s) {
    const Slot& slot = program_->slots[s];
    const int index = static_cast<int>(s);
    if (slot.kind == SlotKind::kInput) {
      RETURN_IF_ERROR(FindInput(index));
    } else if (slot.kind == SlotKind::kKey) {
      ASSIGN_OR_RETURN(const Tensor tensor, executor_->SlotTensor(index));
      keys_.push_back({slot.name.c_str(), tensor.data_as<uint32_t>()});
    } else if (slot.kind == SlotKind::kState) {
      RETURN_IF_ERROR(FindState(index));
    }
  }
  for (int slot : program_->norm_slots) {
    ASSIGN_OR_RETURN(Tensor tensor, executor_->SlotTensor(slot));
    norms_.push_back(std::move(tensor));
  }
  const std::pair<const char*, Tensor*> scalars[] = {
      {kLearningRateSlot, &learning_rate_}, {kStepSlot, &update_}, {kClipSlot, &clip_}};
  for (const auto& [name, tensor] : scalars) {
    const int slot = program_->FindSlot(name, SlotKind::kScalar);
    RET_CHECK(slot >= 0) << "the program was compiled without an update rule";
    ASSIGN_OR_RETURN(*tensor, executor_->SlotTensor(slot));
  }
  RETURN_IF_ERROR(FindRecorded());
  return FindSums();
}

absl::Status TrainStep::FindRecorded() {
  const std::vector<std::string>& names = options_.recorded;
  if (names.empty()) return absl::OkStatus();
  RET_CHECK_EQ(names.size(), program_->result_slots.size());
  for (size_t i = 0; i < names.size(); ++i) {
    Choices choices{names[i], {}};
    for (int m = 0; m < program_->micro_batches; ++m) {
      ASSIGN_OR_RETURN(Tensor tensor, executor_->SlotTensor(program_->result_slots[i], m));
      choices.parts.push_back(std::move(tensor));
    }
    choices_.push_back(std::move(choices));
  }
  return absl::OkStatus();
}

absl::Status TrainStep::FindInput(int slot) {
  const std::string& name = program_->slots[slot].name;
  const std::vector<std::string>& replayed = options_.replayed;
  if (std::find(replayed.begin(), replayed.end(), name) != replayed.end()) {
    choices_.push_back({name, {}});
    for (int m = 0; m < program_->micro_batches; ++m) {
      ASSIGN_OR_RETURN(Tensor tensor, executor_->SlotTensor(slot, m));
      choices_.back().parts.push_back(std::move(tensor));
    }
    return absl::OkStatus();
  }
  std::vector<Tensor>* place = name == "tokens"         ? &tokens_
                               : name == "targets"      ? &targets_
                               : name == "positions"    ? &positions_
                               : name == "segments"     ? &segments_
                               : name == "batch_offset" ? &batch_offsets_
                                                        : nullptr;
  bool is_other = false;
  if (place == nullptr) {
    const std::vector<std::string>& known = options_.others;
    is_other = std::find(known.begin(), known.end(), name) != known.end();
    if (!is_other) {
      return absl::InvalidArgumentError(absl::StrCat(
          "model input '", name, "': there are no data for it; a trainer gives tokens, targets, "
          "positions, segments and batch_offset", known.empty() ? "" : ", and by data.objective ",
          absl::StrJoin(known, ", "), "; see the types for data.objective"));
    }
    place = &others_[name];
  }
  for (int m = 0; m < program_->micro_batches; ++m) {
    ASSIGN_OR_RETURN(Tensor tensor, executor_->SlotTensor(slot, m));
    const int64_t count = place == &batch_offsets_ ? 1 : options_.micro_rows * options_.sequence;
    RET_CHECK(is_other || tensor.count() == count) << name << " has " << tensor.TypeText();
    place->push_back(std::move(tensor));
  }
  return absl::OkStatus();
}

absl::Status TrainStep::FindState(int slot) {
  const Slot& info = program_->slots[slot];
  if (info.type.dims.empty() || info.type.dims[0] != Dim::Symbol("B")) {
    return absl::InvalidArgumentError(absl::StrCat(
        "state ", info.name, ": expected the rows of the batch, B, as its first dim, so that each "
        "row carries its own from step to step, got ", info.type.ToText()));
  }
  Carried carried{info.name, {}};
  for (int m = 0; m < program_->micro_batches; ++m) {
    ASSIGN_OR_RETURN(Tensor tensor, executor_->SlotTensor(slot, m));
    carried.parts.push_back(std::move(tensor));
  }
  carried_.push_back(std::move(carried));
  return absl::OkStatus();
}

absl::StatusOr<std::vector<Tensor>> TrainStep::Parts(int slot, bool is_reduced,
                                                     bool is_statistic) const {
  std::vector<Tensor> parts;
  const int on_first = is_statistic ? program_->micro_batches : 1;
  const int count = is_reduced ? program_->micro_batches : rank_ == 0 ? on_first : 0;
  for (int m = 0; m < count; ++m) {
    ASSIGN_OR_RETURN(Tensor tensor, executor_->SlotTensor(slot, m));
    parts.push_back(std::move(tensor));
  }
  return parts;
}

absl::Status TrainStep::FindSums() {
  for (const SumSpec& spec : program_->sums) {
    SumPlace place;
    place.weight = spec.weight;
    place.is_loss = spec.is_loss;
    ASSIGN_OR_RETURN(place.numerators,
                     Parts(spec.numerator_slot, spec.reduce_numerator, spec.is_statistic));
    ASSIGN_OR_RETURN(place.denominators,
                     Parts(spec.denominator_slot, spec.reduce_denominator, spec.is_statistic));
    if (!spec.reduce_numerator && !spec.is_statistic) {
      place.seed_parts = program_->micro_batches * world_;
    }
    if (spec.seed_slot >= 0) {
      absl::StatusOr<Tensor> seed = executor_->SlotTensor(spec.seed_slot);
      // A loss that depends on no parameter has a seed that nobody reads.
      if (seed.ok()) place.seed = *std::move(seed);
    }
    places_.push_back(std::move(place));
    sums_.push_back({spec.name, spec.is_loss, 0});
  }
  bool any_loss = false;
  for (const SumPlace& place : places_) any_loss = any_loss || place.is_loss;
  if (!any_loss) {
    return absl::InvalidArgumentError(
        "model: it has no loss, so there is nothing to train; give it a loss (slot 'loss')");
  }
  exchange_.resize(2 * places_.size() + 1);
  return absl::OkStatus();
}

absl::Status TrainStep::Refresh() { return executor_->Run(kRefresh); }

void TrainStep::FillInputs(const Batch& batch, int64_t step) {
  CopyRows(batch.tokens, tokens_);
  CopyRows(batch.targets, targets_);
  CopyRows(batch.positions, positions_);
  CopyRows(batch.segments, segments_);
  for (auto& [name, tensors] : others_) CopyRows(batch.others.at(name), tensors);
  for (size_t m = 0; m < batch_offsets_.size(); ++m) {
    *batch_offsets_[m].data_as<int64_t>() =
        batch.first_row + static_cast<int64_t>(m) * options_.micro_rows;
  }
  for (const Key& key : keys_) FillKey(options_.seed, step, key.path, key.words);
  ForgetRows(batch);
}

void TrainStep::ForgetRows(const Batch& batch) {
  for (const Carried& carried : carried_) {
    for (size_t row = 0; row < batch.continues.size(); ++row) {
      if (batch.continues[row] != 0) continue;
      const auto rows = static_cast<size_t>(options_.micro_rows);
      const Tensor& part = carried.parts[row / rows];
      const size_t bytes = part.bytes() / rows;
      std::memset(part.data_as<char>() + row % rows * bytes, 0, bytes);
    }
  }
}

absl::Status TrainStep::RunPrologue(const Batch& batch, int64_t& target_count) {
  RETURN_IF_ERROR(executor_->Run(kPrologue));
  for (size_t i = 0; i < places_.size(); ++i) {
    exchange_[i] = 0;
    if (!places_[i].is_loss) continue;
    for (const Tensor& denominator : places_[i].denominators) exchange_[i] += denominator.At(0);
  }
  exchange_[places_.size()] = static_cast<double>(batch.target_count);
  RETURN_IF_ERROR(
      SumOverRanks(communicator_, absl::MakeSpan(exchange_).first(places_.size() + 1)));
  for (size_t i = 0; i < places_.size(); ++i) {
    if (!places_[i].seed.defined()) continue;
    const double denominator = exchange_[i] * places_[i].seed_parts;
    places_[i].seed.Put(0, denominator == 0 ? 0 : places_[i].weight / denominator);
  }
  target_count = static_cast<int64_t>(exchange_[places_.size()]);
  return absl::OkStatus();
}

absl::Status TrainStep::SumLosses(double& loss) {
  const size_t count = places_.size();
  for (size_t i = 0; i < count; ++i) {
    exchange_[i] = exchange_[count + i] = 0;
    for (const Tensor& part : places_[i].numerators) exchange_[i] += part.At(0);
    for (const Tensor& part : places_[i].denominators) exchange_[count + i] += part.At(0);
  }
  RETURN_IF_ERROR(SumOverRanks(communicator_, absl::MakeSpan(exchange_).first(2 * count)));
  loss = 0;
  for (size_t i = 0; i < count; ++i) {
    const double denominator = exchange_[count + i];
    sums_[i].mean = denominator == 0 ? 0 : exchange_[i] / denominator;
    if (places_[i].is_loss) loss += places_[i].weight * sums_[i].mean;
  }
  return absl::OkStatus();
}

double TrainStep::GradientNorm() const {
  double sum = 0;
  for (const Tensor& norm : norms_) sum += norm.At(0);
  return std::sqrt(sum);
}

absl::StatusOr<StepGradients> TrainStep::ComputeGradients(const Batch& batch, int64_t step) {
  RET_CHECK_EQ(batch.rows(), options_.micro_rows * program_->micro_batches);
  StepGradients gradients;
  FillInputs(batch, step);
  RETURN_IF_ERROR(RunPrologue(batch, gradients.target_count));
  RETURN_IF_ERROR(executor_->Run(kGradients));
  RETURN_IF_ERROR(SumLosses(gradients.loss));
  RETURN_IF_ERROR(executor_->Run(kReduceAndNorm));
  gradients.grad_norm = GradientNorm();
  // Both numbers are the same bits on every rank, so every rank decides alike.
  gradients.is_finite = std::isfinite(gradients.loss) && std::isfinite(gradients.grad_norm);
  return gradients;
}

absl::Status TrainStep::Commit(double learning_rate, int64_t update, double grad_norm) {
  // The constant is that of torch.nn.utils.clip_grad_norm_, whose trajectories tests compare with.
  const double factor =
      options_.clip_norm > 0 ? std::min(1.0, options_.clip_norm / (grad_norm + 1e-6)) : 1;
  learning_rate_.Put(0, learning_rate);
  update_.Put(0, static_cast<double>(update));
  clip_.Put(0, factor);
  return executor_->Run(kCommit);
}

}  // namespace tessera
