// The part of ProgramObject that keeps caches from run to run.
#include <algorithm>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "capi/src/internal/program_object.h"
#include "cpp/base/status_macros.h"

namespace tessera::capi {
namespace {

// Capacities are rounded up, so that a growing text seldom needs new caches and plans.
constexpr int64_t kCapacityStep = 128;
constexpr char kBatch[] = "B";
constexpr char kSequence[] = "T";
constexpr char kCapacity[] = "S";

int64_t SizeOr0(const SymbolSizes& sizes, std::string_view symbol) {
  const auto it = sizes.find(symbol);
  return it == sizes.end() ? 0 : it->second;
}

// Copies what fits from one state to a larger one of the same kind, dim by dim.
void CopyPrefix(const Tensor& from, const Tensor& to) {
  if (from.dims.empty() || from.count() == 0) return;
  // The last dim that differs decides what is contiguous.
  size_t split = 0;
  for (size_t d = 0; d < from.dims.size(); ++d) {
    if (from.dims[d] != to.dims[d]) split = d;
  }
  int64_t inner = static_cast<int64_t>(SizeOf(from.dtype));
  for (size_t d = split + 1; d < from.dims.size(); ++d) inner *= from.dims[d];
  int64_t outer = 1;
  for (size_t d = 0; d < split; ++d) outer *= from.dims[d];
  const int64_t from_row = inner * from.dims[split], to_row = inner * to.dims[split];
  for (int64_t i = 0; i < outer; ++i) {
    std::memcpy(static_cast<char*>(to.data()) + i * to_row,
                static_cast<const char*>(from.data()) + i * from_row,
                static_cast<size_t>(std::min(from_row, to_row)));
  }
}

absl::Status CheckStart(size_t row, int64_t held, int64_t start) {
  if (start >= 0 && start <= held) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("input start: row ", row, ": expected 0 to ", held,
                                                 ", the tokens that the caches hold, got ",
                                                 start));
}

}  // namespace

absl::Status ProgramObject::PrepareState() {
  const int64_t batch = SizeOr0(bound_.sizes, kBatch);
  const int64_t sequence = SizeOr0(bound_.sizes, kSequence);
  const auto start = bound_.tensors.find("start");
  const bool is_new_batch = capacity_ == 0 || static_cast<size_t>(batch) != lengths_.size();
  // The caches of another batch are given up only when all is well.
  std::vector<int64_t> lengths = lengths_;
  if (is_new_batch) lengths.assign(static_cast<size_t>(batch), 0);
  int64_t longest = 0;
  for (size_t row = 0; row < lengths.size(); ++row) {
    int64_t begin = lengths[row];
    if (start != bound_.tensors.end()) {
      begin = start->second.data_as<int32_t>()[row];
      RETURN_IF_ERROR(CheckStart(row, lengths[row], begin));
    }
    longest = std::max(longest, begin);
  }
  int64_t needed = 0;
  if (__builtin_add_overflow(longest, sequence, &needed) || needed > INT32_MAX) {
    return absl::InvalidArgumentError(absl::StrCat("inputs: expected at most ", INT32_MAX,
                                                   " tokens in a row of the caches, got ", longest,
                                                   " and ", sequence, " more"));
  }
  if (is_new_batch || needed > capacity_) {
    needed = (needed + kCapacityStep - 1) / kCapacityStep * kCapacityStep;
    lengths_ = std::move(lengths);
    RETURN_IF_ERROR(NewState(batch, std::max(needed, kCapacityStep)));
  }
  bound_.sizes[kCapacity] = capacity_;
  return absl::OkStatus();
}

absl::Status ProgramObject::NewState(int64_t batch, int64_t capacity) {
  auto store = std::make_shared<SlotStore>();
  for (const auto& [kind, name] : store_->List()) {
    if (kind == SlotKind::kState) continue;
    RETURN_IF_ERROR(store->Put(kind, name, store_->Find(kind, name)));
  }
  const bool keeps = std::any_of(lengths_.begin(), lengths_.end(),
                                 [](int64_t length) { return length > 0; });
  const SymbolSizes sizes = {{kBatch, batch}, {kCapacity, capacity}};
  for (const Slot& slot : program_->slots) {
    if (slot.kind != SlotKind::kState) continue;
    ASSIGN_OR_RETURN(const std::vector<int64_t> dims, Eval(slot.type.dims, sizes));
    ASSIGN_OR_RETURN(Tensor tensor,
                     store->GetOrCreate(SlotKind::kState, slot.name, slot.type.dtype, dims));
    const Tensor before = store_->Find(SlotKind::kState, slot.name);
    if (keeps && before.defined()) CopyPrefix(before, tensor);
  }
  executors_.clear();  // they point into the old caches
  store_ = std::move(store);
  capacity_ = capacity;
  return absl::OkStatus();
}

void ProgramObject::Advance() {
  const auto start = bound_.tensors.find("start");
  if (!has_state_ || start == bound_.tensors.end()) return;
  const int64_t sequence = SizeOr0(bound_.sizes, kSequence);
  for (size_t row = 0; row < lengths_.size(); ++row) {
    lengths_[row] = start->second.data_as<int32_t>()[row] + sequence;
  }
}

}  // namespace tessera::capi
