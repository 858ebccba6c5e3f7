// SlotPlan: where the memory of every slot of a Program lies, at known sizes.
//
// Persistent slots belong to the SlotStore; gradients stand side by side by dtype (apart from those
// that are not reduced), so that a reduce is a few large calls; inputs, scalars, keys and results
// have memory of their own; temporaries share one arena by their lifetimes over the schedule, one
// instance for each micro-batch.
// It only counts: nothing is allocated here. Immutable once made.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "cpp/exec/kernel_choice.h"
#include "cpp/ir/program.h"

namespace tessera {

enum class SlotRegion : uint8_t {
  kNone,        // a temporary that no action touches
  kPersistent,  // in the SlotStore
  kGradient,    // in the bucket of its dtype
  kOwned,       // inputs, scalars, keys, results
  kArena,       // temporaries
};

struct SlotInstance {
  SlotRegion region = SlotRegion::kNone;
  int bucket = -1;      // kGradient
  int64_t offset = 0;   // in its bucket or region
  int first = -1, last = -1;  // schedule positions, kArena
};

struct GradientBucket {
  DType dtype = DType::kF32;
  bool reduce = true;   // added up over the ranks
  int64_t bytes = 0;
};

class SlotPlan {
 public:
  // INVALID_ARGUMENT (sizes); INTERNAL when the program is not well formed.
  static absl::StatusOr<SlotPlan> Make(const Program& program, const SymbolSizes& sizes);

  const SizedType& type(int slot) const { return types_[slot]; }
  int instance_count(int slot) const { return first_[slot + 1] - first_[slot]; }
  // REQUIRES: micro_batch < instance_count(slot), or instance_count(slot) == 1.
  int InstanceIndex(int slot, int micro_batch) const {
    return first_[slot] + (instance_count(slot) == 1 ? 0 : micro_batch);
  }
  const SlotInstance& instance(int index) const { return instances_[index]; }
  int total_instances() const { return static_cast<int>(instances_.size()); }
  const std::vector<GradientBucket>& buckets() const { return buckets_; }

  int64_t persistent_bytes() const { return persistent_bytes_; }
  int64_t gradient_bytes() const;
  int64_t owned_bytes() const { return owned_bytes_; }
  int64_t arena_bytes() const { return arena_bytes_; }
  int64_t arena_lower_bound_bytes() const { return arena_lower_bound_bytes_; }
  // The largest slots that exist at the arena's peak, persistent ones included.
  std::vector<std::pair<std::string, int64_t>> LargestAtPeak(const Program& program,
                                                             size_t count) const;

 private:
  absl::Status CheckProgram(const Program& program) const;
  absl::Status SizeSlots(const Program& program, const SymbolSizes& sizes);
  absl::Status CheckCalls(const Program& program) const;
  absl::Status FindLifetimes(const Program& program);
  void PlaceFixed(const Program& program);
  absl::Status PlaceArena(const Program& program);

  std::vector<SizedType> types_;         // per slot
  std::vector<int> first_;               // per slot: its first instance; one more at the end
  std::vector<SlotInstance> instances_;
  std::vector<GradientBucket> buckets_;
  int64_t persistent_bytes_ = 0, owned_bytes_ = 0, arena_bytes_ = 0, arena_lower_bound_bytes_ = 0;
  int peak_moment_ = 0;
};

bool IsPersistent(SlotKind kind);
// Name in the SlotStore: the slot's own, with "#m" for further micro-batches.
std::string StoreName(const Slot& slot, int micro_batch);

}  // namespace tessera
