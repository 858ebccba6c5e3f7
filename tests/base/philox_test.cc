#include "cpp/base/philox.h"

#include <cstdint>

#include "gtest/gtest.h"

namespace tessera {
namespace {

using philox::Block;
using philox::Words4;

// Method: the three known-answer vectors that Random123 publishes for philox4x32-10.
TEST(PhiloxTest, GivesThePublishedVectors) {
  EXPECT_EQ(Block({0, 0}, {0, 0, 0, 0}),
            (Words4{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
  EXPECT_EQ(Block({~0u, ~0u}, {~0u, ~0u, ~0u, ~0u}),
            (Words4{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}));
  EXPECT_EQ(Block({0xa4093822, 0x299f31d0}, {0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}),
            (Words4{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}));
}

TEST(PhiloxTest, ElementsAreTheWordsOfTheirBlockInOrder) {
  const Words4 key = {1, 2, 3, 4};
  const uint64_t far = uint64_t{1} << 40;
  const uint64_t at = far / 4;
  const Words4 block =
      Block({1, 2}, {static_cast<uint32_t>(at), static_cast<uint32_t>(at >> 32), 3, 4});
  for (uint64_t i = 0; i < 4; ++i) EXPECT_EQ(philox::ElementWord(key, far + i), block[i]);
  EXPECT_EQ(philox::ElementWord64(key, 7),
            uint64_t{philox::ElementWord(key, 15)} << 32 | philox::ElementWord(key, 14));
}

TEST(PhiloxTest, UnitNumbersStayBelowOne) {
  EXPECT_EQ(philox::UnitFloat(0), 0.0f);
  EXPECT_LT(philox::UnitFloat(~0u), 1.0f);
  EXPECT_LT(philox::UnitDouble(~uint64_t{0}), 1.0);
  EXPECT_EQ(philox::UnitFloat(0x80000000u), 0.5f);
}

// Method: mean and variance of a million uniform numbers, each within six standard errors.
TEST(PhiloxTest, UniformNumbersHaveTheirMoments) {
  constexpr int kCount = 1 << 20;
  double sum = 0, squares = 0;
  for (int i = 0; i < kCount; ++i) {
    const double value = philox::UnitFloat(philox::ElementWord({5, 6, 7, 8}, i));
    sum += value;
    squares += value * value;
  }
  const double mean = sum / kCount;
  EXPECT_NEAR(mean, 0.5, 6 * 0.2887 / 1024);
  EXPECT_NEAR(squares / kCount - mean * mean, 1.0 / 12, 6 * 0.0745 / 1024);
}

TEST(PhiloxTest, BelowCoversTheRangeAndNothingElse) {
  EXPECT_EQ(philox::Below(0, 10), 0u);
  EXPECT_EQ(philox::Below(~uint64_t{0}, 10), 9u);
  EXPECT_EQ(philox::Below(123, 0), 0u);
  int seen[7] = {};
  for (int i = 0; i < 700; ++i) ++seen[philox::Below(PhiloxU64(9, 0, i), 7)];
  for (int count : seen) EXPECT_GT(count, 60);
}

}  // namespace
}  // namespace tessera
