#include "cpp/exec/offset_plan.h"

#include <algorithm>
#include <iterator>
#include <map>
#include <numeric>

#include "absl/strings/str_cat.h"
#include "cpp/base/status_macros.h"

namespace tessera {
namespace {

// Comparing all pairs costs too much beyond this many blocks; by time alone is then good enough.
constexpr size_t kMaxBlocksBySize = 6000;

// Largest first, each at the lowest gap between the blocks placed so far that it meets in time.
int64_t PlaceBySize(std::vector<Block>& blocks) {
  std::vector<int> order(blocks.size());
  std::iota(order.begin(), order.end(), 0);
  std::sort(order.begin(), order.end(), [&blocks](int a, int b) {
    if (blocks[a].bytes != blocks[b].bytes) return blocks[a].bytes > blocks[b].bytes;
    if (blocks[a].first != blocks[b].first) return blocks[a].first < blocks[b].first;
    return a < b;
  });
  int64_t total = 0;
  std::vector<int> placed;  // by offset
  placed.reserve(blocks.size());
  for (int index : order) {
    Block& block = blocks[index];
    const int64_t bytes = AlignBytes(block.bytes);
    block.offset = 0;
    if (bytes == 0) continue;
    int64_t offset = 0;
    for (int other_index : placed) {
      const Block& other = blocks[other_index];
      if (other.last < block.first || other.first > block.last) continue;
      if (other.offset - offset >= bytes) break;
      offset = std::max(offset, other.offset + AlignBytes(other.bytes));
    }
    block.offset = offset;
    total = std::max(total, offset + bytes);
    placed.insert(std::upper_bound(placed.begin(), placed.end(), index,
                                   [&blocks](int a, int b) {
                                     return blocks[a].offset < blocks[b].offset;
                                   }),
                  index);
  }
  return total;
}

// Free gaps of a region that grows at its end.
class FreeGaps {
 public:
  // The smallest gap that fits, lowest first; grows the region when there is none.
  int64_t Take(int64_t bytes) {
    auto best = gaps_.end();
    for (auto it = gaps_.begin(); it != gaps_.end(); ++it) {
      if (it->second >= bytes && (best == gaps_.end() || it->second < best->second)) best = it;
    }
    if (best == gaps_.end()) {
      int64_t offset = end_;
      if (!gaps_.empty()) {
        const auto last = std::prev(gaps_.end());
        if (last->first + last->second == end_) {
          offset = last->first;
          gaps_.erase(last);
        }
      }
      end_ = offset + bytes;
      return offset;
    }
    const int64_t offset = best->first;
    const int64_t left = best->second - bytes;
    gaps_.erase(best);
    if (left > 0) gaps_[offset + bytes] = left;
    return offset;
  }

  void Give(int64_t offset, int64_t bytes) {
    auto it = gaps_.emplace(offset, bytes).first;
    const auto next = std::next(it);
    if (next != gaps_.end() && it->first + it->second == next->first) {
      it->second += next->second;
      gaps_.erase(next);
    }
    if (it != gaps_.begin()) {
      const auto before = std::prev(it);
      if (before->first + before->second == it->first) {
        before->second += it->second;
        gaps_.erase(it);
      }
    }
  }

  int64_t end() const { return end_; }

 private:
  std::map<int64_t, int64_t> gaps_;  // offset -> bytes, never two that touch
  int64_t end_ = 0;
};

// In order of birth, each in the tightest gap that is free at that moment.
int64_t PlaceByTime(std::vector<Block>& blocks) {
  std::vector<int> births(blocks.size());
  std::iota(births.begin(), births.end(), 0);
  std::vector<int> deaths = births;
  std::sort(births.begin(), births.end(), [&blocks](int a, int b) {
    if (blocks[a].first != blocks[b].first) return blocks[a].first < blocks[b].first;
    if (blocks[a].bytes != blocks[b].bytes) return blocks[a].bytes > blocks[b].bytes;
    return a < b;
  });
  std::sort(deaths.begin(), deaths.end(), [&blocks](int a, int b) {
    return blocks[a].last != blocks[b].last ? blocks[a].last < blocks[b].last : a < b;
  });
  FreeGaps gaps;
  size_t next_death = 0;
  for (int index : births) {
    Block& block = blocks[index];
    while (next_death < deaths.size() && blocks[deaths[next_death]].last < block.first) {
      const Block& dead = blocks[deaths[next_death++]];
      if (dead.bytes > 0) gaps.Give(dead.offset, AlignBytes(dead.bytes));
    }
    block.offset = block.bytes > 0 ? gaps.Take(AlignBytes(block.bytes)) : 0;
  }
  return gaps.end();
}

void FindPeak(const std::vector<Block>& blocks, OffsetPlan& plan) {
  std::map<int, int64_t> changes;
  for (const Block& block : blocks) {
    changes[block.first] += AlignBytes(block.bytes);
    changes[block.last + 1] -= AlignBytes(block.bytes);
  }
  int64_t alive = 0;
  for (const auto& [moment, change] : changes) {
    alive += change;
    if (alive > plan.lower_bound_bytes) {
      plan.lower_bound_bytes = alive;
      plan.peak_moment = moment;
    }
  }
}

}  // namespace

absl::Status AddPlannedBytes(int64_t bytes, int64_t& total) {
  if (bytes > kMaxPlannedBytes || AlignBytes(bytes) > kMaxPlannedBytes - total) {
    return absl::ResourceExhaustedError(absl::StrCat(
        "memory: ", bytes, " bytes more than ", total, " planned so far are more than a plan may "
        "have (", kMaxPlannedBytes, ")"));
  }
  total += AlignBytes(bytes);
  return absl::OkStatus();
}

absl::StatusOr<OffsetPlan> AssignOffsets(std::vector<Block>& blocks) {
  int64_t all = 0;
  for (const Block& block : blocks) RETURN_IF_ERROR(AddPlannedBytes(block.bytes, all));
  OffsetPlan plan;
  FindPeak(blocks, plan);
  plan.total_bytes = PlaceByTime(blocks);
  if (plan.total_bytes > plan.lower_bound_bytes && blocks.size() <= kMaxBlocksBySize) {
    std::vector<Block> by_size = blocks;
    const int64_t total = PlaceBySize(by_size);
    if (total < plan.total_bytes) {
      plan.total_bytes = total;
      blocks = std::move(by_size);
    }
  }
  return plan;
}

}  // namespace tessera
