// Method: the same run in different ways must end in the same bytes: twice, with other numbers of
// threads, interrupted and resumed (in the middle of an epoch, with dropout on and two
// micro-batches). Compared are the data files of the last checkpoint and the optimizer slots in
// memory. Instruction sets differ in bits, so both sides of a comparison use the same.
#include "gtest/gtest.h"
#include "tests/train/train_kit.h"

namespace tessera {
namespace {

// Windows of an epoch: about 117; a run of 8 steps of 4 stays inside one, resuming at step 3.
Changes HardRun(const std::string& dtype) {
  return {{"runtime.dtype", dtype},
          {"trainer.micro_batches", "2"},
          {"model.decoder.layer.dropout", R"({"type": "Dropout", "rate": 0.1})"},
          {"trainer.save_every", "3"}};
}

class BitsTest : public testing::TestWithParam<const char*> {
 protected:
  std::map<std::string, std::string> Files(const std::string& out) {
    return DataFiles(absl::StrCat(out, "/checkpoints/step_8"));
  }
  Config ConfigFor(const std::string& text) { return SmallConfig(text, HardRun(GetParam())); }

  RunFolder folder_;
};

TEST_P(BitsTest, TheSameSeedTwiceAndAnyNumberOfThreads) {
  const Config config = ConfigFor(folder_.WriteText());
  std::map<std::string, std::string> files[4];
  const int threads[] = {1, 1, 2, 3};
  for (int i = 0; i < 4; ++i) {
    TestEnvironment environment(threads[i]);
    const std::string out = folder_.path(absl::StrCat("out", i));
    auto trainer = MakeTrainer(config, environment, {.out_dir = out});
    ASSERT_NE(trainer, nullptr);
    ASSERT_TRUE(trainer->Run(0, {}, nullptr).ok());
    files[i] = Files(out);
    ASSERT_GE(files[i].size(), 2u) << "parameters and slots";
    EXPECT_EQ(files[i], files[0]) << threads[i] << " threads";
  }
}

TEST_P(BitsTest, AnotherSeedGivesOtherBytes) {
  TestEnvironment environment;
  const std::string text = folder_.WriteText();
  std::map<std::string, std::string> bytes[2];
  for (int i = 0; i < 2; ++i) {
    Changes changes = HardRun(GetParam());
    changes.push_back({"runtime.seed", absl::StrCat(i)});
    auto trainer = MakeTrainer(SmallConfig(text, changes), environment);
    ASSERT_NE(trainer, nullptr);
    ASSERT_TRUE(trainer->Step().ok());
    bytes[i] = TensorBytes(*trainer);
  }
  EXPECT_NE(bytes[0], bytes[1]);
}

TEST_P(BitsTest, InterruptedAndResumedIsUninterrupted) {
  const Config config = ConfigFor(folder_.WriteText());
  TestEnvironment environment(2);
  auto whole = MakeTrainer(config, environment, {.out_dir = folder_.path("whole")});
  ASSERT_NE(whole, nullptr);
  ASSERT_TRUE(whole->Run(0, {}, nullptr).ok());
  for (int stop_after : {1, 5}) {
    SCOPED_TRACE(stop_after);
    const std::string out = folder_.path(absl::StrCat("parts", stop_after));
    {
      auto first = MakeTrainer(config, environment, {.out_dir = out});
      ASSERT_NE(first, nullptr);
      int steps = 0;
      const absl::Status status = first->Run(
          0, [&] { return steps >= stop_after; }, [&](const StepResult&) { ++steps; });
      ASSERT_TRUE(absl::IsCancelled(status)) << status;
    }
    TestEnvironment other(1);
    auto second = MakeTrainer(config, other, {.out_dir = out, .resume = true});
    ASSERT_NE(second, nullptr);
    EXPECT_GE(second->step(), stop_after);
    ASSERT_LT(second->step(), 8);
    ASSERT_TRUE(second->Run(0, {}, nullptr).ok());
    EXPECT_EQ(Files(out), Files(folder_.path("whole")));
    EXPECT_EQ(TensorBytes(*second), TensorBytes(*whole));
  }
}

// A process that dies leaves what its background saves committed, and a metrics file that is ahead.
TEST_P(BitsTest, ADeadProcessLeavesARunThatGoesOnExactly) {
  const Config config = ConfigFor(folder_.WriteText());
  TestEnvironment environment;
  auto whole = MakeTrainer(config, environment, {.out_dir = folder_.path("whole")});
  ASSERT_NE(whole, nullptr);
  ASSERT_TRUE(whole->Run(0, {}, nullptr).ok());
  const std::string out = folder_.path("parts");
  {
    auto first = MakeTrainer(config, environment, {.out_dir = out});
    ASSERT_NE(first, nullptr);
    ASSERT_TRUE(first->Run(5, {}, nullptr).ok()) << "saves step 3, goes on to 5";
  }
  auto second = MakeTrainer(config, environment, {.out_dir = out, .resume = true});
  ASSERT_NE(second, nullptr);
  EXPECT_EQ(second->step(), 3);
  ASSERT_TRUE(second->Run(0, {}, nullptr).ok());
  EXPECT_EQ(Files(out), Files(folder_.path("whole")));
  int expected = 1;
  for (const std::string& line : Lines(ReadText(absl::StrCat(out, "/metrics.jsonl")))) {
    if (line.find("\"loss\"") == std::string::npos) continue;
    if (line.find("eval_loss") != std::string::npos) continue;
    EXPECT_EQ(FieldOf(line, "step"), expected++) << line;
  }
  EXPECT_EQ(expected, 9) << "each step once";
}

TEST_P(BitsTest, ARoundOfEpochsResumesToo) {
  Changes changes = HardRun(GetParam());
  changes.push_back({"data.sampling", "epoch"});
  const Config config = SmallConfig(folder_.WriteText(8), changes);  // about 23 windows an epoch
  TestEnvironment environment;
  auto whole = MakeTrainer(config, environment);
  ASSERT_NE(whole, nullptr);
  ASSERT_TRUE(whole->Run(0, {}, nullptr).ok());
  auto first = MakeTrainer(config, environment);
  ASSERT_NE(first, nullptr);
  ASSERT_TRUE(first->Run(7, {}, nullptr).ok());
  ASSERT_TRUE(first->Save(folder_.path("saved")).ok());
  auto second = MakeTrainer(config, environment);
  ASSERT_NE(second, nullptr);
  ASSERT_TRUE(second->Load(folder_.path("saved")).ok());
  EXPECT_EQ(second->step(), 7);
  ASSERT_TRUE(second->Run(0, {}, nullptr).ok());
  EXPECT_EQ(TensorBytes(*second), TensorBytes(*whole));
}

INSTANTIATE_TEST_SUITE_P(Formats, BitsTest, testing::Values("fp32", "bf16"),
                         [](const auto& info) { return std::string(info.param); });

}  // namespace
}  // namespace tessera
