#include "cpp/generate/parameters.h"

#include <cstring>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "cpp/base/hash.h"
#include "cpp/base/status_macros.h"
#include "cpp/generate/initial_values.h"

namespace tessera {
namespace {

absl::StatusOr<std::vector<int64_t>> ConstantDims(const ProgramParam& param) {
  return Eval(param.dims, {});
}

absl::Status CopyInto(const Tensor& source, const std::string& label, Tensor& target) {
  if (source.dims != target.dims) {
    return absl::FailedPreconditionError(absl::StrCat(label, ": the checkpoint has ",
                                                      source.TypeText(), ", the model expects ",
                                                      target.TypeText()));
  }
  if (source.dtype == target.dtype) {
    if (source.bytes() > 0) std::memcpy(target.data(), source.data(), source.bytes());
  } else {
    for (int64_t i = 0; i < source.count(); ++i) target.Put(i, source.At(i));
  }
  return absl::OkStatus();
}

}  // namespace

void FillKey(uint64_t seed, int64_t step, std::string_view path, uint32_t key[4]) {
  const philox::Words4 words =
      RandomKey(MixBits(seed) ^ static_cast<uint64_t>(step), /*purpose=*/2, path);
  std::copy(words.begin(), words.end(), key);
}

absl::Status InitializeParameters(const Program& program, uint64_t seed, ThreadPool* pool,
                                  SlotStore& store) {
  for (const ProgramParam& param : program.params) {
    ASSIGN_OR_RETURN(const std::vector<int64_t> dims, ConstantDims(param));
    ASSIGN_OR_RETURN(Tensor tensor,
                     store.GetOrCreate(SlotKind::kParam, param.path, param.dtype, dims));
    const absl::Status filled =
        FillInitialValues(param.spec.init, seed, param.path, pool, tensor);
    if (!filled.ok()) {
      return absl::Status(filled.code(), absl::StrCat(param.path, ": ", filled.message()));
    }
  }
  return absl::OkStatus();
}

absl::Status LoadParameter(const ProgramParam& param, const CheckpointReader& reader,
                           SlotStore& store) {
  if (reader.Find(TensorKind::kParameter, param.path) == nullptr) {
    return absl::FailedPreconditionError(
        absl::StrCat(param.path, ": the model needs it, the checkpoint ", reader.path(),
                     " does not have it"));
  }
  ASSIGN_OR_RETURN(const std::vector<int64_t> dims, ConstantDims(param));
  ASSIGN_OR_RETURN(Tensor target,
                   store.GetOrCreate(SlotKind::kParam, param.path, param.dtype, dims));
  ASSIGN_OR_RETURN(const Tensor source, reader.Read(TensorKind::kParameter, param.path));
  return CopyInto(source, param.path, target);
}

absl::Status LoadParameters(const Program& program, const CheckpointReader& reader, bool optimizer,
                            SlotStore& store) {
  for (const ProgramParam& param : program.params) {
    RETURN_IF_ERROR(LoadParameter(param, reader, store));
  }
  if (!optimizer) return absl::OkStatus();
  for (const Slot& slot : program.slots) {
    if (slot.kind != SlotKind::kOptimizer) continue;
    const std::string& path = program.params[slot.param].path;
    const std::string name = slot.name.substr(path.size() + 1);
    if (reader.Find(TensorKind::kSlot, path, name) == nullptr) {
      return absl::FailedPreconditionError(
          absl::StrCat(path, " slot ", name, ": the optimizer needs it, the checkpoint ",
                       reader.path(), " does not have it"));
    }
    ASSIGN_OR_RETURN(const std::vector<int64_t> dims, Eval(slot.type.dims, {}));
    ASSIGN_OR_RETURN(Tensor target, store.GetOrCreate(SlotKind::kOptimizer, slot.name,
                                                      slot.type.dtype, dims));
    ASSIGN_OR_RETURN(const Tensor source, reader.Read(TensorKind::kSlot, path, name));
    RETURN_IF_ERROR(CopyInto(source, slot.name, target));
  }
  return absl::OkStatus();
}

std::vector<TensorToSave> ParametersToSave(const Program& program, const SlotStore& store) {
  std::vector<TensorToSave> tensors;
  for (const ProgramParam& param : program.params) {
    const Tensor tensor = store.Find(SlotKind::kParam, param.path);
    if (tensor.defined()) tensors.push_back(ParameterToSave(param.path, tensor));
  }
  for (const Slot& slot : program.slots) {
    if (slot.kind != SlotKind::kOptimizer) continue;
    const Tensor tensor = store.Find(SlotKind::kOptimizer, slot.name);
    const std::string& path = program.params[slot.param].path;
    if (tensor.defined()) {
      tensors.push_back(SlotToSave(path, slot.name.substr(path.size() + 1), tensor));
    }
  }
  return tensors;
}

}  // namespace tessera
