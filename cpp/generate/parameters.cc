#include "cpp/generate/parameters.h"

#include <cmath>
#include <cstring>
#include <numbers>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "cpp/base/hash.h"
#include "cpp/base/philox.h"
#include "cpp/base/status_macros.h"

namespace tessera {
namespace {

philox::Words4 KeyOf(uint64_t seed, uint64_t purpose, std::string_view path) {
  const uint64_t low = HashBytes(path, seed);
  const uint64_t high = HashBytes(path, MixBits(seed ^ MixBits(purpose)));
  return {static_cast<uint32_t>(low), static_cast<uint32_t>(low >> 32),
          static_cast<uint32_t>(high), static_cast<uint32_t>(high >> 32)};
}

// Normal by Box-Muller in fp64: element 2i takes the cosine, element 2i + 1 the sine of pair i.
double NormalElement(const philox::Words4& key, uint64_t index) {
  const philox::Words4 words = philox::ElementBlock(key, index / 2);
  const double u1 =
      1.0 - philox::UnitDouble(uint64_t{words[1]} << 32 | words[0]);  // (0, 1]: the log is finite
  const double u2 = philox::UnitDouble(uint64_t{words[3]} << 32 | words[2]);
  const double radius = std::sqrt(-2.0 * std::log(u1));
  const double angle = 2.0 * std::numbers::pi * u2;
  return radius * (index % 2 == 0 ? std::cos(angle) : std::sin(angle));
}

absl::Status Fill(const Initializer& init, const philox::Words4& key, Tensor& tensor) {
  const int64_t count = tensor.count();
  if (init.kind == "constant") {
    if (init.mean == 0) return absl::OkStatus();  // a new tensor is zero; untouched pages stay free
    for (int64_t i = 0; i < count; ++i) tensor.Put(i, init.mean);
    return absl::OkStatus();
  }
  if (init.kind == "normal") {
    for (int64_t i = 0; i < count; ++i) {
      tensor.Put(i, init.mean + init.stddev * NormalElement(key, static_cast<uint64_t>(i)));
    }
    return absl::OkStatus();
  }
  if (init.kind == "uniform") {
    for (int64_t i = 0; i < count; ++i) {
      const uint64_t word = philox::ElementWord64(key, static_cast<uint64_t>(i));
      tensor.Put(i, init.mean + init.stddev * (2 * philox::UnitDouble(word) - 1));
    }
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(absl::StrCat(
      "initialiser: expected constant, normal or uniform, got '", init.kind, "'"));
}

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
      KeyOf(MixBits(seed) ^ static_cast<uint64_t>(step), /*purpose=*/2, path);
  std::copy(words.begin(), words.end(), key);
}

absl::Status InitializeParameters(const Program& program, uint64_t seed, SlotStore& store) {
  for (const ProgramParam& param : program.params) {
    ASSIGN_OR_RETURN(const std::vector<int64_t> dims, ConstantDims(param));
    ASSIGN_OR_RETURN(Tensor tensor,
                     store.GetOrCreate(SlotKind::kParam, param.path, param.dtype, dims));
    const absl::Status filled =
        Fill(param.spec.init, KeyOf(seed, /*purpose=*/1, param.path), tensor);
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
