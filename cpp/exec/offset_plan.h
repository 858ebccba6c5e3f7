// OffsetPlan: places blocks that live for known spans of time in one region of memory.
//
// Blocks whose spans touch never overlap. Two heuristics are tried, by size and by time, and the
// smaller result is kept; both depend on the input alone, so a plan is the same in every run.
// Pure functions; thread-safe.
#pragma once

#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace tessera {

inline constexpr int64_t kMemoryAlignBytes = 64;
// No machine has as much (1 EiB), and the few sums of memory regions cannot leave 64 bits.
inline constexpr int64_t kMaxPlannedBytes = int64_t{1} << 60;

inline int64_t AlignBytes(int64_t bytes) {
  return (bytes + kMemoryAlignBytes - 1) / kMemoryAlignBytes * kMemoryAlignBytes;
}

// Adds AlignBytes(bytes) to the total. RESOURCE_EXHAUSTED if that is above kMaxPlannedBytes: dims
// come from files, so their products may be anything below 2^63. REQUIRES: no number negative.
absl::Status AddPlannedBytes(int64_t bytes, int64_t& total);

struct Block {
  int64_t bytes = 0;
  int first = 0;        // first and last moment at which it is alive, both included
  int last = 0;
  int64_t offset = 0;   // result
};

struct OffsetPlan {
  int64_t total_bytes = 0;
  int64_t lower_bound_bytes = 0;  // the most bytes (aligned) alive at one moment
  int peak_moment = 0;            // the first such moment
};

// Sets the offsets, multiples of kMemoryAlignBytes. RESOURCE_EXHAUSTED if all blocks together are
// above kMaxPlannedBytes. REQUIRES: first <= last in every block.
absl::StatusOr<OffsetPlan> AssignOffsets(std::vector<Block>& blocks);

}  // namespace tessera
