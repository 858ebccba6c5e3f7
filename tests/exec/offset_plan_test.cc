// Random blocks: none that meet in time overlap in memory, and the region stays near the bound.
#include "cpp/exec/offset_plan.h"

#include <random>

#include "gtest/gtest.h"

namespace tessera {
namespace {

void ExpectNoOverlap(const std::vector<Block>& blocks, int64_t total) {
  for (size_t a = 0; a < blocks.size(); ++a) {
    EXPECT_EQ(blocks[a].offset % kMemoryAlignBytes, 0);
    EXPECT_LE(blocks[a].offset + blocks[a].bytes, total);
    for (size_t b = a + 1; b < blocks.size(); ++b) {
      if (blocks[a].last < blocks[b].first || blocks[b].last < blocks[a].first) continue;
      EXPECT_TRUE(blocks[a].offset + blocks[a].bytes <= blocks[b].offset ||
                  blocks[b].offset + blocks[b].bytes <= blocks[a].offset ||
                  blocks[a].bytes == 0 || blocks[b].bytes == 0)
          << "blocks " << a << " and " << b;
    }
  }
}

TEST(OffsetPlanTest, BlocksThatMeetInTimeNeverOverlap) {
  std::mt19937 random(1);
  for (int round = 0; round < 50; ++round) {
    std::vector<Block> blocks;
    for (int i = 0; i < 60; ++i) {
      const int first = static_cast<int>(random() % 40);
      blocks.push_back({static_cast<int64_t>(random() % 5000), first,
                        first + static_cast<int>(random() % 12), -1});
    }
    const OffsetPlan plan = *AssignOffsets(blocks);
    ExpectNoOverlap(blocks, plan.total_bytes);
    EXPECT_GE(plan.total_bytes, plan.lower_bound_bytes);
    EXPECT_LE(plan.total_bytes, plan.lower_bound_bytes * 3 / 2) << "round " << round;
  }
}

TEST(OffsetPlanTest, AChainNeedsTwoBlocks) {
  std::vector<Block> blocks;
  for (int i = 0; i < 100; ++i) blocks.push_back({1000, i, i + 1, 0});
  const OffsetPlan plan = *AssignOffsets(blocks);
  EXPECT_EQ(plan.total_bytes, 2 * AlignBytes(1000));
  EXPECT_EQ(plan.lower_bound_bytes, plan.total_bytes);
}

// Saved by forwards in order, freed by backwards in reverse order, four times: a stack.
TEST(OffsetPlanTest, SavedValuesOfManyMicroBatchesReuseOneStack) {
  std::vector<Block> blocks;
  constexpr int kLayers = 100, kBatches = 16;
  for (int m = 0; m < kBatches; ++m) {
    const int start = m * 2 * kLayers;
    for (int layer = 0; layer < kLayers; ++layer) {
      for (int saved = 0; saved < 8; ++saved) {
        blocks.push_back({64 * (saved + 1), start + layer, start + 2 * kLayers - 1 - layer, 0});
      }
    }
  }
  const OffsetPlan plan = *AssignOffsets(blocks);
  EXPECT_EQ(plan.total_bytes, kLayers * 64 * 36);
  EXPECT_EQ(plan.peak_moment, kLayers - 1);
}

TEST(OffsetPlanTest, NoBlocksNeedNoMemory) {
  std::vector<Block> blocks;
  EXPECT_EQ(AssignOffsets(blocks)->total_bytes, 0);
  blocks.push_back({0, 0, 5, 0});
  EXPECT_EQ(AssignOffsets(blocks)->total_bytes, 0);
}

TEST(OffsetPlanTest, WhatNoMachineHasIsResourceExhausted) {
  for (const int64_t bytes : {INT64_MAX, INT64_MAX - 63, kMaxPlannedBytes + 1}) {
    std::vector<Block> one = {{bytes, 0, 0, 0}};
    EXPECT_EQ(AssignOffsets(one).status().code(), absl::StatusCode::kResourceExhausted) << bytes;
  }
  std::vector<Block> blocks = {{kMaxPlannedBytes - 64, 0, 3, 0}, {1, 0, 3, 0}};
  EXPECT_EQ(AssignOffsets(blocks)->total_bytes, kMaxPlannedBytes);
  blocks.push_back({1, 1, 2, 0});
  EXPECT_EQ(AssignOffsets(blocks).status().code(), absl::StatusCode::kResourceExhausted);
}

}  // namespace
}  // namespace tessera
