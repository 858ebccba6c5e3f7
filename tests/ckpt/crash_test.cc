// Method: a child saves without pause, a pipe tells which saves it was told are done, and it is
// killed (SIGKILL) at a random moment; then the newest complete checkpoint must be at least the
// last one acknowledged and hold exactly the bytes that its step had. The next child goes on from
// there. 20 kills; 100 with TESSERA_LONG set.
#include <gtest/gtest.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>

#include "tests/ckpt/ckpt_testing.h"

namespace tessera {
namespace {

constexpr int64_t kRows = 1500;  // 0.6 MB a checkpoint

[[noreturn]] void SaveForEver(const std::string& folder, int64_t step, int acknowledge) {
  SaveOptions options;
  options.keep_last = 2;
  options.chunk_bytes = 64 << 10;
  for (;; ++step) {
    if (!SaveStep(folder, step, options, kRows).ok()) ::_exit(1);
    if (::write(acknowledge, &step, sizeof(step)) != sizeof(step)) ::_exit(2);
  }
}

TEST(CrashTest, KilledAtRandomMomentsItAlwaysFindsACompleteCheckpoint) {
  const TestFolder folder;
  const std::string checkpoints = folder / "checkpoints";
  const int kills = ::getenv("TESSERA_LONG") != nullptr ? 100 : 20;
  TestRandom random(static_cast<uint64_t>(::getpid()));
  int64_t acknowledged = 0;
  int64_t found = 0;
  int unfinished = 0;
  int too_early = 0;  // kills before the first checkpoint: a slow machine gets more time
  for (int kill = 0; kill < kills; ++kill) {
    int ends[2];
    ASSERT_EQ(::pipe(ends), 0);
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      ::close(ends[0]);
      SaveForEver(checkpoints, found + 1, ends[1]);
    }
    ::close(ends[1]);
    const uint64_t delay_us = (3000 + random.Below(50'000)) << std::min(too_early, 6);
    ::usleep(static_cast<useconds_t>(delay_us));
    ASSERT_EQ(::kill(child, SIGKILL), 0);
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL)
        << "the child ended by itself: " << status;
    int64_t step = 0;
    while (::read(ends[0], &step, sizeof(step)) == sizeof(step)) acknowledged = step;
    ::close(ends[0]);

    std::vector<DamagedCheckpoint> damaged;
    const auto latest = FindLatestComplete(checkpoints, VerifyDepth::kData, &damaged);
    const std::string what = absl::StrCat("kill ", kill, " after ", delay_us, " us: ");
    if (absl::IsNotFound(latest.status())) {
      ASSERT_EQ(acknowledged, 0) << what << latest.status();
      ++too_early;
      continue;
    }
    ASSERT_TRUE(latest.ok()) << what << latest.status();
    EXPECT_TRUE(damaged.empty()) << what << damaged[0].reason;
    ASSERT_GE(latest->step, acknowledged) << what;
    ASSERT_EQ(DifferenceOfStep(latest->path, latest->step, kRows), "") << what;
    found = latest->step;
    const auto list = ListCheckpoints(checkpoints);
    ASSERT_TRUE(list.ok());
    EXPECT_LE(list->unfinished.size(), 1u) << what << "leftovers pile up";
    unfinished += static_cast<int>(list->unfinished.size());
  }
  EXPECT_GT(found, 0);
  EXPECT_GT(unfinished, 0) << "no kill hit a save: nothing was tested";
  RecordProperty("saves", static_cast<int>(found));
  RecordProperty("kills_within_a_save", unfinished);
}

}  // namespace
}  // namespace tessera
