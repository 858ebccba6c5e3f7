// Method: a child trains and saves at every step and is killed (SIGKILL) at a random moment, in its
// start, its steps or its saves; then a trainer that resumes must stand at a step of the run with
// exactly the bytes that an uninterrupted run has there, never at an earlier one than before. The
// next child goes on from what is on disk. 12 kills; 100 with TESSERA_LONG set.
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <random>
#include <set>

#include "cpp/base/hash.h"
#include "gtest/gtest.h"
#include "tests/train/train_kit.h"

namespace tessera {
namespace {

constexpr int64_t kSteps = 1500;  // more than any child gets to

uint64_t HashOfTensors(const Trainer& trainer) {
  uint64_t hash = 0;
  for (const auto& [name, bytes] : TensorBytes(trainer)) {
    hash = MixBits(hash ^ HashBytes(bytes, HashBytes(name, 1)));
  }
  return hash;
}

// Of the uninterrupted run, after each step.
std::vector<uint64_t> HashesOfRun(const Config& config) {
  TestEnvironment environment;
  auto trainer = MakeTrainer(config, environment);
  if (trainer == nullptr) return {};
  std::vector<uint64_t> hashes = {HashOfTensors(*trainer)};
  while (trainer->step() < kSteps && trainer->Step().ok()) {
    hashes.push_back(HashOfTensors(*trainer));
  }
  return hashes;
}

[[noreturn]] void TrainUntilKilled(const Config& config, const std::string& out) {
  TestEnvironment environment;
  auto trainer =
      Trainer::Create(config, environment.get(), {.out_dir = out, .resume = true});
  if (!trainer.ok() || !(*trainer)->Run(0, {}, nullptr).ok()) ::_exit(1);
  for (;;) ::pause();  // all steps are done
}

TEST(KillTest, KilledAtRandomMomentsTheRunGoesOnWithItsBytes) {
  RunFolder folder;
  const Config config =
      SmallConfig(folder.WriteText(), {{"trainer.steps", absl::StrCat(kSteps)},
                                       {"trainer.save_every", "1"},
                                       {"trainer.keep_checkpoints", "2"},
                                       {"trainer.micro_batches", "2"},
                                       {"runtime.dtype", "bf16"},
                                       {"data.validation_fraction", "0"}});
  const std::vector<uint64_t> hashes = HashesOfRun(config);
  ASSERT_EQ(hashes.size(), static_cast<size_t>(kSteps) + 1);
  const std::string out = folder.path("out");
  const int kills = std::getenv("TESSERA_LONG") != nullptr ? 100 : 12;
  std::minstd_rand random(static_cast<unsigned>(::getpid()));
  int64_t reached = 0;
  int too_early = 0;  // kills before the first checkpoint: a slow machine gets more time
  for (int kill = 0; kill < kills; ++kill) {
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) TrainUntilKilled(config, out);
    const unsigned delay_us = (5'000 + random() % 150'000) << std::min(too_early, 5);
    ::usleep(delay_us);
    ASSERT_EQ(::kill(child, SIGKILL), 0);
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFSIGNALED(status)) << "the child ended by itself: " << status;

    TestEnvironment environment;
    auto resumed = MakeTrainer(config, environment, {.out_dir = out, .resume = true});
    ASSERT_NE(resumed, nullptr) << "kill " << kill << " after " << delay_us << " us";
    ASSERT_GE(resumed->step(), reached) << "kill " << kill << " after " << delay_us << " us";
    reached = resumed->step();
    if (reached == 0) ++too_early;
    ASSERT_EQ(HashOfTensors(*resumed), hashes[static_cast<size_t>(reached)])
        << "step " << reached << ", kill " << kill << " after " << delay_us << " us";
  }
  EXPECT_GT(reached, 0) << "no child got as far as a checkpoint";
  std::set<double> steps;
  for (const std::string& line : Lines(ReadText(absl::StrCat(out, "/metrics.jsonl")))) {
    if (line.find("\"grad_norm\"") == std::string::npos) continue;
    EXPECT_TRUE(steps.insert(FieldOf(line, "step")).second) << line;
  }
  EXPECT_EQ(static_cast<int64_t>(steps.size()), reached) << "every step once";
}

}  // namespace
}  // namespace tessera
