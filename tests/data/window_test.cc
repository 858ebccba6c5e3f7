// Method: count. A permutation must hit every index once; the windows of an epoch must cover the
// corpus once; drawn windows must lie inside and spread evenly.
#include "cpp/data/window.h"

#include <set>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace tessera {
namespace {

using ::testing::HasSubstr;

TEST(PermutationTest, IsABijectionForEverySize) {
  for (int64_t size : {1, 2, 3, 4, 5, 7, 16, 17, 63, 64, 65, 1000, 4097}) {
    for (uint64_t round : {0, 1, 2}) {
      const Permutation permutation(size, 42, round);
      std::vector<bool> seen(static_cast<size_t>(size), false);
      for (int64_t i = 0; i < size; ++i) {
        const int64_t at = permutation.At(i);
        ASSERT_GE(at, 0);
        ASSERT_LT(at, size);
        ASSERT_FALSE(seen[static_cast<size_t>(at)]) << size << " " << round << " " << i;
        seen[static_cast<size_t>(at)] = true;
      }
    }
  }
}

TEST(PermutationTest, SeedAndRoundChangeTheOrder) {
  // Two unrelated orders of 1000 agree in one place on average; 20 is out of reach.
  constexpr int kMostAgreements = 20;
  const Permutation base(1000, 1, 0), other_seed(1000, 2, 0), other_round(1000, 1, 1);
  int agrees_seed = 0, agrees_round = 0, agrees_identity = 0;
  for (int64_t i = 0; i < 1000; ++i) {
    agrees_seed += base.At(i) == other_seed.At(i);
    agrees_round += base.At(i) == other_round.At(i);
    agrees_identity += base.At(i) == i;
  }
  EXPECT_LT(agrees_seed, kMostAgreements);
  EXPECT_LT(agrees_round, kMostAgreements);
  EXPECT_LT(agrees_identity, kMostAgreements);
}

TEST(PermutationTest, LargeSizesStayInside) {
  const int64_t size = (int64_t{1} << 40) + 12345;
  const Permutation permutation(size, 7, 3);
  std::set<int64_t> seen;
  for (int64_t i = 0; i < 1000; ++i) {
    const int64_t at = permutation.At(size - 1 - i);
    ASSERT_GE(at, 0);
    ASSERT_LT(at, size);
    seen.insert(at);
  }
  EXPECT_EQ(seen.size(), 1000u);
}

TEST(WindowTest, AnEpochCoversEveryWindowOnce) {
  const auto sampler = *WindowSampler::Make(103, {.seed = 5, .sequence = 10});
  EXPECT_EQ(sampler.windows_per_epoch(), 10);  // 102 targets; the last two are dropped
  for (int64_t epoch = 0; epoch < 3; ++epoch) {
    std::set<int64_t> begins;
    for (int64_t i = 0; i < 10; ++i) {
      const Window window = sampler.At(epoch * 10 + i);
      EXPECT_EQ(window.targets, 10);
      EXPECT_EQ(window.begin % 10, 0);
      begins.insert(window.begin);
    }
    EXPECT_EQ(begins.size(), 10u);
    EXPECT_EQ(*begins.rbegin(), 90);
  }
}

TEST(WindowTest, WithoutShufflingWindowsComeInOrder) {
  const auto sampler = *WindowSampler::Make(41, {.shuffle = false, .sequence = 10});
  for (int64_t i = 0; i < 9; ++i) EXPECT_EQ(sampler.At(i).begin, i % 4 * 10);
}

TEST(WindowTest, DrawnWindowsSpreadOverAllStarts) {
  const auto sampler =
      *WindowSampler::Make(20, {.sampling = Sampling::kRandomWindow, .seed = 1, .sequence = 10});
  // Starts 0 to 9 leave a target for the last input. 10,000 draws give each 1000, with a standard
  // deviation of 30.
  std::vector<int> counts(10, 0);
  for (int64_t i = 0; i < 10'000; ++i) {
    const Window window = sampler.At(i);
    ASSERT_GE(window.begin, 0);
    ASSERT_LT(window.begin, 10);
    ++counts[static_cast<size_t>(window.begin)];
  }
  for (int count : counts) EXPECT_NEAR(count, 1000, 150);
}

TEST(WindowTest, OnceEndsWithAShortWindowAndThenNothing) {
  const auto sampler = *WindowSampler::Make(24, {.sampling = Sampling::kOnce, .sequence = 10});
  EXPECT_EQ(sampler.windows_per_epoch(), 3);
  EXPECT_EQ(sampler.At(1).begin, 10);
  EXPECT_EQ(sampler.At(2).begin, 20);
  EXPECT_EQ(sampler.At(2).targets, 3);
  EXPECT_EQ(sampler.At(3).targets, 0);
}

// 113 targets are 11 windows: 3 for each of 3 rows, a part each, and 2 that are not read.
TEST(WindowTest, StreamsGoOnRowByRow) {
  const auto sampler = *WindowSampler::Make(
      114, {.sampling = Sampling::kStreams, .sequence = 10, .rows = 3});
  EXPECT_EQ(sampler.windows_per_epoch(), 9);
  EXPECT_FALSE(sampler.ends());
  const int64_t begins[] = {0, 30, 60, 10, 40, 70, 20, 50, 80,    // in the second epoch each row
                            30, 60, 0, 40, 70, 10, 50, 80, 20,    // has the part of the next one,
                            60, 0, 30, 70, 10, 40, 80, 20, 50};   // where it goes on
  for (int64_t i = 0; i < 27; ++i) {
    const Window window = sampler.At(i);
    EXPECT_EQ(window.begin, begins[i]) << i;
    EXPECT_EQ(window.targets, 10);
    const bool goes_on = i >= 3 && sampler.At(i - 3).begin + 10 == window.begin;
    EXPECT_EQ(sampler.Continues(i), goes_on) << i;
    // Nothing before it at first; later the row that was at the end of the corpus begins anew.
    EXPECT_EQ(sampler.Continues(i), i >= 3 && i != 11 && i != 19) << i;
  }
  EXPECT_EQ(sampler.At(int64_t{9} << 50).begin, sampler.At((int64_t{9} << 50) % 27).begin);
}

TEST(WindowTest, OneStreamIsTheCorpusAgainAndAgain) {
  const auto sampler =
      *WindowSampler::Make(31, {.sampling = Sampling::kStreams, .sequence = 10, .rows = 1});
  for (int64_t i = 0; i < 9; ++i) {
    EXPECT_EQ(sampler.At(i).begin, i % 3 * 10);
    EXPECT_EQ(sampler.Continues(i), i % 3 != 0) << i;
  }
}

// Every target once, whatever the rows; what a row lacks at the end is empty.
TEST(WindowTest, StreamsOnceReadEveryTargetOnce) {
  for (const int64_t tokens : {2, 9, 24, 41, 100}) {
    for (const int64_t rows : {1, 2, 3, 7, 64}) {
      const auto sampler = *WindowSampler::Make(
          tokens, {.sampling = Sampling::kStreamsOnce, .sequence = 10, .rows = rows});
      EXPECT_TRUE(sampler.ends());
      EXPECT_EQ(sampler.windows_per_epoch() % rows, 0);
      std::vector<int> counts(static_cast<size_t>(tokens), 0);
      for (int64_t i = 0; i < sampler.windows_per_epoch() + 5; ++i) {
        const Window window = sampler.At(i);
        for (int64_t t = 0; t < window.targets; ++t) {
          ++counts[static_cast<size_t>(window.begin + t + 1)];
        }
        if (window.targets == 0 || i < rows) continue;
        EXPECT_TRUE(sampler.Continues(i));
        EXPECT_EQ(window.begin, sampler.At(i - rows).begin + 10);
      }
      EXPECT_EQ(counts[0], 0);
      for (size_t t = 1; t < counts.size(); ++t) EXPECT_EQ(counts[t], 1) << tokens << " " << rows;
    }
  }
}

TEST(WindowTest, OtherSamplesDoNotGoOn) {
  for (const Sampling sampling : {Sampling::kEpoch, Sampling::kRandomWindow, Sampling::kOnce}) {
    const auto sampler = *WindowSampler::Make(
        101, {.sampling = sampling, .shuffle = false, .sequence = 10, .rows = 1});
    for (int64_t i = 0; i < 10; ++i) EXPECT_FALSE(sampler.Continues(i));
  }
}

TEST(WindowTest, ACorpusThatIsTooShortIsAnError) {
  const auto sampler = WindowSampler::Make(10, {.sequence = 10});
  EXPECT_EQ(sampler.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(sampler.status().message(), HasSubstr("expected at least 11 tokens"));
  EXPECT_THAT(sampler.status().message(), HasSubstr("got 10"));
  EXPECT_TRUE(WindowSampler::Make(11, {.sequence = 10}).ok());
  EXPECT_FALSE(WindowSampler::Make(1, {.sampling = Sampling::kOnce, .sequence = 10}).ok());
  EXPECT_FALSE(WindowSampler::Make(100, {.sequence = 0}).ok());
  const auto streams =
      WindowSampler::Make(40, {.sampling = Sampling::kStreams, .sequence = 10, .rows = 4});
  EXPECT_EQ(streams.status().message(),
            "corpus: expected at least 41 tokens (a window of 10 for each of 4 rows and a target), "
            "got 40");
  EXPECT_TRUE(
      WindowSampler::Make(41, {.sampling = Sampling::kStreams, .sequence = 10, .rows = 4}).ok());
  EXPECT_FALSE(
      WindowSampler::Make(41, {.sampling = Sampling::kStreams, .sequence = 10, .rows = 0}).ok());
}

}  // namespace
}  // namespace tessera
