// Method: on a file system in memory that loses everything not synced (power_store.h), the power
// goes after every operation of a series of saves, each many times with other luck. What Save
// reported done must be there afterwards, whole; what else is there must be whole or recognised.
#include <gtest/gtest.h>

#include "tests/ckpt/ckpt_testing.h"
#include "tests/ckpt/power_store.h"

namespace tessera {
namespace {

constexpr int64_t kRows = 3;
constexpr int64_t kSteps = 3;

// Saves steps 1 to kSteps with retention; the last one that was reported done.
int64_t SaveUntilTheEnd(PowerStore& store) {
  SaveOptions options;
  options.store = &store;
  options.chunk_bytes = 512;
  options.keep_last = 1;
  int64_t done = 0;
  for (int64_t step = 1; step <= kSteps; ++step) {
    if (SaveStep("/run/checkpoints", step, options, kRows).ok()) done = step;
  }
  return done;
}

TEST(PowerTest, WhatWasReportedDoneSurvivesPowerFailureAtAnyOperation) {
  PowerStore counting;
  counting.DieAfter(int64_t{1} << 40);
  ASSERT_EQ(SaveUntilTheEnd(counting), kSteps);
  const int64_t operations = counting.operations();
  ASSERT_GT(operations, 60);
  int64_t losses = 0;
  for (int64_t number = 0; number <= operations; ++number) {
    for (uint64_t luck = 0; luck < 12; ++luck) {
      PowerStore store;
      store.DieAfter(number);
      const int64_t done = SaveUntilTheEnd(store);
      TestRandom random(static_cast<uint64_t>(number) * 100 + luck);
      store.PowerFailure(random);
      const auto latest =
          FindLatestComplete("/run/checkpoints", VerifyDepth::kData, nullptr, &store);
      const std::string what = absl::StrCat("operation ", number, " luck ", luck, ": ");
      if (!latest.ok()) {
        ASSERT_EQ(done, 0) << what << latest.status();
        ASSERT_TRUE(absl::IsNotFound(latest.status())) << what << latest.status();
        ++losses;
        continue;
      }
      ASSERT_GE(latest->step, done) << what;
      ASSERT_EQ(DifferenceOfStep(latest->path, latest->step, kRows, &store), "") << what;
      // The folder is in order: the next save works and leaves itself alone.
      SaveOptions options;
      options.store = &store;
      options.keep_last = 1;
      const auto next = SaveStep("/run/checkpoints", 9, options, kRows);
      ASSERT_TRUE(next.ok()) << what << next.status();
      ASSERT_EQ(store.List("/run/checkpoints").value(), std::vector<std::string>{"step_9"}) << what;
    }
  }
  EXPECT_GT(losses, 0) << "the power never failed before the first save: nothing was tested";
}

}  // namespace
}  // namespace tessera
