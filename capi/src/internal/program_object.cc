#include "capi/src/internal/program_object.h"

#include <algorithm>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "cpp/base/status_macros.h"
#include "cpp/base/suggest.h"
#include "cpp/base/text.h"
#include "cpp/compile/compiler.h"
#include "cpp/generate/parameters.h"
#include "cpp/train/model_exchange.h"

namespace tessera::capi {
namespace {

// Sizes that are kept ready: a service meets a few, again and again.
constexpr size_t kMostExecutors = 4;

constexpr ActionKind kRefreshActions[] = {ActionKind::kRefresh};
constexpr ActionKind kPrologueActions[] = {ActionKind::kPrologue};
constexpr ActionKind kForwardActions[] = {ActionKind::kForward};
constexpr ActionKind kGradientActions[] = {ActionKind::kForward, ActionKind::kBackward,
                                           ActionKind::kInputGradient,
                                           ActionKind::kWeightGradient, ActionKind::kCollect};

absl::StatusOr<Tensor> CopyOf(const Tensor& tensor) {
  ASSIGN_OR_RETURN(Tensor copy, Tensor::Zeros(tensor.dtype, tensor.dims));
  if (copy.bytes() > 0) std::memcpy(copy.data(), tensor.data(), copy.bytes());
  return copy;
}

}  // namespace

ProgramObject::~ProgramObject() = default;

absl::StatusOr<std::shared_ptr<ProgramObject>> ProgramObject::Create(ProgramSource source) {
  std::shared_ptr<ProgramObject> object(new ProgramObject());
  CompileOptions options;
  options.gradients = source.gradients;
  options.recompute = source.recompute;
  ASSIGN_OR_RETURN(object->program_,
                   Compile(*source.main, *source.run.environment.ops, options));
  bool has_keys = false;
  for (const Slot& slot : object->program_->slots) {
    has_keys = has_keys || slot.kind == SlotKind::kKey;
    object->has_state_ = object->has_state_ || slot.kind == SlotKind::kState;
  }
  object->inputs_ = std::make_unique<ProgramInputs>(*source.main, source.is_model, has_keys,
                                                    source.ignored_target);
  object->store_ = std::make_shared<SlotStore>();
  RETURN_IF_ERROR(object->FillParameters(source));
  if (source.reader != nullptr) RETURN_IF_ERROR(object->FindOriginalNames(*source.reader));
  object->runtime_ = std::move(source.runtime);
  object->run_ = std::move(source.run);
  object->main_ = std::move(source.main);
  object->mode_ = std::move(source.mode);
  object->is_model_ = source.is_model;
  object->gradients_ = source.gradients;
  object->seed_ = source.seed;
  return object;
}

absl::Status ProgramObject::FillParameters(const ProgramSource& source) {
  if (source.reader != nullptr) {
    return LoadParameters(*program_, *source.reader, /*optimizer=*/false, *store_);
  }
  return InitializeParameters(*program_, source.seed, run_.environment.pool, *store_);
}

absl::Status ProgramObject::FindOriginalNames(const CheckpointReader& reader) {
  if (reader.info().origin.empty()) return absl::OkStatus();
  ASSIGN_OR_RETURN(const std::vector<NamedDims> params, ParamDims(*program_));
  auto names = OriginalNames::Create(reader.info().origin, params);
  if (names.ok()) {
    original_names_ = *std::move(names);
  } else if (!absl::IsInvalidArgument(names.status())) {
    return names.status();
  }
  return absl::OkStatus();
}

bool ProgramObject::IsOriginal(std::string_view name) const {
  if (original_names_ == nullptr || !original_names_->Has(name)) return false;
  for (const ProgramParam& param : program_->params) {
    if (param.path == name) return false;
  }
  return true;
}

absl::StatusOr<Tensor> ProgramObject::GetParam(std::string_view path) const {
  if (!IsOriginal(path)) return GetOwnParam(path);
  return original_names_->Make(path, [this](const std::string& own) { return GetOwnParam(own); });
}

absl::StatusOr<Tensor> ProgramObject::GetGradient(std::string_view path) const {
  if (!IsOriginal(path)) return GetOwnGradient(path);
  return original_names_->Make(path,
                               [this](const std::string& own) { return GetOwnGradient(own); });
}

absl::StatusOr<const ProgramParam*> ProgramObject::FindParam(std::string_view path) const {
  std::vector<std::string> paths;
  for (const ProgramParam& param : program_->params) {
    if (param.path == path) return &param;
    paths.push_back(param.path);
  }
  return absl::NotFoundError(absl::StrCat("parameter ", Quoted(path),
                                          ": the program has none of that path",
                                          SuggestionText(path, paths)));
}

absl::StatusOr<std::shared_ptr<Executor>> ProgramObject::ExecutorFor(const SymbolSizes& sizes) {
  const auto known = std::find_if(executors_.begin(), executors_.end(),
                                  [&](const Sized& each) { return each.sizes == sizes; });
  if (known != executors_.end()) {
    executors_.splice(executors_.begin(), executors_, known);
    return executors_.front().executor;
  }
  // Room is made first: it may be what the new one needs.
  while (executors_.size() >= kMostExecutors) executors_.pop_back();
  ExecutorOptions options;
  options.sizes = sizes;
  options.isa = run_.environment.isa;
  options.memory_limit_bytes = run_.environment.memory_limit_bytes;
  ASSIGN_OR_RETURN(std::shared_ptr<Executor> executor,
                   Executor::Create(program_, *run_.environment.kernels, run_.environment.pool,
                                    store_, options));
  executors_.push_front({sizes, executor});
  return executor;
}

absl::StatusOr<std::shared_ptr<Executor>> ProgramObject::Prepare(
    absl::Span<const NamedTensor> given, bool needs_targets) {
  ASSIGN_OR_RETURN(bound_, inputs_->Bind(given, needs_targets));
  if (has_state_) RETURN_IF_ERROR(PrepareState());
  RETURN_IF_ERROR(inputs_->AddUsual(lengths_, bound_));
  ASSIGN_OR_RETURN(std::shared_ptr<Executor> executor, ExecutorFor(bound_.sizes));
  RETURN_IF_ERROR(CopyInputs(*executor));
  if (weights_are_stale_) {
    RETURN_IF_ERROR(executor->Run(kRefreshActions));
    weights_are_stale_ = false;
  }
  return executor;
}

absl::Status ProgramObject::CopyInputs(const Executor& executor) const {
  for (size_t s = 0; s < program_->slots.size(); ++s) {
    const Slot& slot = program_->slots[s];
    if (slot.kind != SlotKind::kInput && slot.kind != SlotKind::kKey) continue;
    absl::StatusOr<Tensor> place = executor.SlotTensor(static_cast<int>(s));
    if (absl::IsNotFound(place.status())) continue;  // no action reads it
    RETURN_IF_ERROR(place.status());
    if (slot.kind == SlotKind::kKey) {
      FillKey(seed_, bound_.step, slot.name, place->data_as<uint32_t>());
      continue;
    }
    const auto tensor = bound_.tensors.find(slot.name);
    RET_CHECK(tensor != bound_.tensors.end()) << "nothing was given for input " << slot.name;
    RET_CHECK_EQ(place->bytes(), tensor->second.bytes());
    if (place->bytes() > 0) std::memcpy(place->data(), tensor->second.data(), place->bytes());
  }
  return absl::OkStatus();
}

absl::StatusOr<Tensor> ProgramObject::ReadSlot(const Executor& executor, int slot) const {
  const Slot& info = program_->slots[slot];
  // Results that are inputs or parameters, which no action needs to touch.
  if (info.kind == SlotKind::kInput) {
    const auto tensor = bound_.tensors.find(info.name);
    RET_CHECK(tensor != bound_.tensors.end()) << "nothing was given for input " << info.name;
    return tensor->second;
  }
  if (info.kind == SlotKind::kParam) return store_->Find(SlotKind::kParam, info.name);
  return executor.SlotTensor(slot);
}

absl::StatusOr<double> ProgramObject::MeanOf(const Executor& executor, const SumSpec& sum) const {
  ASSIGN_OR_RETURN(const Tensor numerator, ReadSlot(executor, sum.numerator_slot));
  ASSIGN_OR_RETURN(const Tensor denominator, ReadSlot(executor, sum.denominator_slot));
  const double count = denominator.At(0);
  return count == 0 ? 0 : numerator.At(0) / count;
}

absl::StatusOr<std::vector<Tensor>> ProgramObject::TakeOutputs(const Executor& executor) const {
  std::vector<Tensor> outputs;
  for (int slot : program_->result_slots) {
    ASSIGN_OR_RETURN(const Tensor result, ReadSlot(executor, slot));
    ASSIGN_OR_RETURN(Tensor copy, CopyOf(result));
    outputs.push_back(std::move(copy));
  }
  for (const SumSpec& sum : program_->sums) {
    if (!sum.is_loss) continue;
    ASSIGN_OR_RETURN(const double mean, MeanOf(executor, sum));
    ASSIGN_OR_RETURN(Tensor loss, Tensor::Zeros(DType::kF64, {}));
    loss.Put(0, mean);
    outputs.push_back(std::move(loss));
  }
  return outputs;
}

absl::Status ProgramObject::RunForward(Executor& executor) {
  if (gradients_) RETURN_IF_ERROR(executor.Run(kPrologueActions));
  return executor.Run(kForwardActions);
}

absl::StatusOr<std::vector<Tensor>> ProgramObject::Run(absl::Span<const NamedTensor> given) {
  ASSIGN_OR_RETURN(const std::shared_ptr<Executor> executor, Prepare(given, false));
  RETURN_IF_ERROR(RunForward(*executor));
  Advance();
  return TakeOutputs(*executor);
}

absl::StatusOr<std::vector<Tensor>> ProgramObject::RunWithGradients(
    absl::Span<const NamedTensor> given, double& loss) {
  if (!gradients_) {
    return absl::FailedPreconditionError(
        "program: expected one compiled with {\"gradients\": true}, got one without");
  }
  const bool has_loss = std::any_of(program_->sums.begin(), program_->sums.end(),
                                    [](const SumSpec& sum) { return sum.is_loss; });
  if (!has_loss) {
    return absl::FailedPreconditionError("program: expected one with a loss, got one without");
  }
  ASSIGN_OR_RETURN(const std::shared_ptr<Executor> executor, Prepare(given, true));
  with_gradients_ = nullptr;  // until this run is done
  RETURN_IF_ERROR(executor->Run(kPrologueActions));
  for (const SumSpec& sum : program_->sums) {
    if (sum.seed_slot < 0) continue;
    absl::StatusOr<Tensor> seed = executor->SlotTensor(sum.seed_slot);
    if (absl::IsNotFound(seed.status())) continue;  // a loss that depends on no parameter
    RETURN_IF_ERROR(seed.status());
    ASSIGN_OR_RETURN(const Tensor denominator, ReadSlot(*executor, sum.denominator_slot));
    const double count = denominator.At(0);
    seed->Put(0, count == 0 ? 0 : sum.weight / count);
  }
  RETURN_IF_ERROR(executor->Run(kGradientActions));
  loss = 0;
  for (const SumSpec& sum : program_->sums) {
    if (!sum.is_loss) continue;
    ASSIGN_OR_RETURN(const double mean, MeanOf(*executor, sum));
    loss += sum.weight * mean;
  }
  with_gradients_ = executor;
  Advance();
  return TakeOutputs(*executor);
}

absl::StatusOr<Tensor> ProgramObject::GetOwnParam(std::string_view path) const {
  ASSIGN_OR_RETURN(const ProgramParam* param, FindParam(path));
  const Tensor tensor = store_->Find(SlotKind::kParam, param->path);
  RET_CHECK(tensor.defined()) << param->path << " is not in the store";
  return CopyOf(tensor);
}

absl::Status ProgramObject::SetParam(std::string_view path, const Tensor& tensor) {
  ASSIGN_OR_RETURN(const ProgramParam* param, FindParam(path));
  Tensor target = store_->Find(SlotKind::kParam, param->path);
  RET_CHECK(target.defined()) << param->path << " is not in the store";
  if (tensor.dims != target.dims) {
    return absl::InvalidArgumentError(absl::StrCat("parameter ", path, ": expected the dims of ",
                                                   target.TypeText(), ", got ",
                                                   tensor.TypeText()));
  }
  if (tensor.dtype == target.dtype) {
    if (target.bytes() > 0) std::memcpy(target.data(), tensor.data(), target.bytes());
  } else {
    for (int64_t i = 0; i < target.count(); ++i) target.Put(i, tensor.At(i));
  }
  weights_are_stale_ = true;
  return absl::OkStatus();
}

absl::StatusOr<Tensor> ProgramObject::GetOwnGradient(std::string_view path) const {
  ASSIGN_OR_RETURN(const ProgramParam* param, FindParam(path));
  if (with_gradients_ == nullptr) {
    return absl::FailedPreconditionError(
        absl::StrCat("gradient of ", path,
                     ": expected a run with gradients before, got none that succeeded"));
  }
  if (!IsFloat(param->dtype)) {
    return absl::FailedPreconditionError(absl::StrCat(
        "gradient of ", path, ": expected a float parameter, got ", Name(param->dtype)));
  }
  if (param->gradient_slot < 0) {  // no loss depends on it
    return Tensor::Zeros(param->dtype, store_->Find(SlotKind::kParam, param->path).dims);
  }
  ASSIGN_OR_RETURN(const Tensor gradient, with_gradients_->SlotTensor(param->gradient_slot));
  return CopyOf(gradient);
}

}  // namespace tessera::capi
