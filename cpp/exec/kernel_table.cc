#include <algorithm>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "cpp/base/status_macros.h"
#include "cpp/exec/executor.h"

namespace tessera {

KernelTable::KernelTable(std::vector<tsr_kernel_def> defs) : defs_(defs.begin(), defs.end()) {
  for (const tsr_kernel_def& def : defs_) by_op_[def.op].push_back(&def);
  // A file that brings a faster kernel may come after the one with the reference.
  for (auto& [op, candidates] : by_op_) {
    std::stable_partition(
        candidates.begin(), candidates.end(),
        [](const tsr_kernel_def* def) { return def->isa != TSR_ISA_REFERENCE; });
  }
}

KernelTable::KernelTable(const KernelTable& base, std::shared_ptr<const TuningTable> tuning)
    : base_(&base), tuning_(std::move(tuning)) {}

absl::Status KernelTable::Register(std::vector<tsr_kernel_def> defs,
                                   std::shared_ptr<const void> owner) {
  RET_CHECK(base_ == nullptr) << "a table over another one takes no kernels";
  absl::MutexLock lock(&mutex_);
  for (const tsr_kernel_def& def : defs) {
    if (by_op_.contains(def.op)) {
      return absl::AlreadyExistsError(absl::StrCat("op '", def.op, "' has kernels already"));
    }
  }
  for (const tsr_kernel_def& def : defs) {
    defs_.push_back(def);
    by_op_[def.op].push_back(&defs_.back());
  }
  owners_.push_back(std::move(owner));
  return absl::OkStatus();
}

std::vector<tsr_kernel_def> KernelTable::defs() const {
  if (base_ != nullptr) return base_->defs();
  absl::ReaderMutexLock lock(&mutex_);
  return {defs_.begin(), defs_.end()};
}

absl::Span<const tsr_kernel_def* const> KernelTable::Candidates(std::string_view op) const {
  if (base_ != nullptr) return base_->Candidates(op);
  absl::ReaderMutexLock lock(&mutex_);
  const auto it = by_op_.find(op);
  if (it == by_op_.end()) return {};
  return it->second;
}

absl::StatusOr<Tensor> SlotStore::GetOrCreate(SlotKind kind, const std::string& name, DType dtype,
                                              const std::vector<int64_t>& dims) {
  const auto it = tensors_.find(std::make_pair(kind, name));
  if (it != tensors_.end()) {
    if (it->second.dtype != dtype || it->second.dims != dims) {
      Tensor wanted;
      wanted.dtype = dtype;
      wanted.dims = dims;
      return absl::FailedPreconditionError(absl::StrCat(
          name, ": is kept as ", it->second.TypeText(), ", expected ", wanted.TypeText()));
    }
    return it->second;
  }
  ASSIGN_OR_RETURN(Tensor tensor, pages_.Zeros(dtype, dims));
  tensors_.emplace(std::make_pair(kind, name), tensor);
  return tensor;
}

absl::Status SlotStore::Put(SlotKind kind, const std::string& name, Tensor tensor) {
  if (tensors_.emplace(std::make_pair(kind, name), std::move(tensor)).second) {
    return absl::OkStatus();
  }
  return absl::AlreadyExistsError(absl::StrCat(name, ": is in the store already"));
}

Tensor SlotStore::Find(SlotKind kind, std::string_view name) const {
  const auto it = tensors_.find(std::make_pair(kind, std::string(name)));
  return it == tensors_.end() ? Tensor() : it->second;
}

std::vector<std::pair<SlotKind, std::string>> SlotStore::List() const {
  std::vector<std::pair<SlotKind, std::string>> keys;
  for (const auto& [key, tensor] : tensors_) keys.push_back(key);
  return keys;
}

}  // namespace tessera
