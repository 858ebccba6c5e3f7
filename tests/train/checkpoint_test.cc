// Method: runs that save, stop and are damaged on disk; what the next trainer makes of the folder.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <thread>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "cpp/ckpt/checkpoint_reader.h"
#include "cpp/train/run_state.h"
#include "tests/train/train_kit.h"

namespace tessera {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

std::vector<std::string> StepFolders(const std::string& out) {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(out + "/checkpoints")) {
    names.push_back(entry.path().filename().string());
  }
  std::sort(names.begin(), names.end());
  return names;
}

class CheckpointTest : public testing::Test {
 protected:
  CheckpointTest() : text_(folder_.WriteText()), out_(folder_.path("out")) {}

  Config ConfigWith(const Changes& changes) { return SmallConfig(text_, changes); }
  void RunAll(const Changes& changes) {
    auto trainer = MakeTrainer(ConfigWith(changes), environment_, {.out_dir = out_});
    ASSERT_NE(trainer, nullptr);
    const absl::Status status = trainer->Run(0, {}, nullptr);
    ASSERT_TRUE(status.ok()) << status;
  }
  absl::Status ResumeStatus(const Changes& changes) {
    return Trainer::Create(ConfigWith(changes), environment_.get(),
                           {.out_dir = out_, .resume = true})
        .status();
  }
  void Damage(const std::string& step) {
    const std::string folder = absl::StrCat(out_, "/checkpoints/", step);
    for (const auto& [name, bytes] : DataFiles(folder)) {
      std::string changed = bytes;
      changed[changed.size() / 2] ^= 1;
      std::ofstream(absl::StrCat(folder, "/", name), std::ios::binary) << changed;
      return;
    }
    FAIL() << "no data file in " << folder;
  }

  RunFolder folder_;
  const std::string text_, out_;
  TestEnvironment environment_;
};

TEST_F(CheckpointTest, TheNewestAreKept) {
  RunAll({{"trainer.save_every", "2"}, {"trainer.keep_checkpoints", "2"}});
  EXPECT_THAT(StepFolders(out_), ElementsAre("step_6", "step_8"));
}

TEST_F(CheckpointTest, ACheckpointHoldsTheWholeRun) {
  RunAll({});
  EXPECT_THAT(StepFolders(out_), ElementsAre("step_8"));
  const auto reader = CheckpointReader::Open(out_ + "/checkpoints/step_8");
  ASSERT_TRUE(reader.ok()) << reader.status();
  const CheckpointInfo& info = (*reader)->info();
  EXPECT_EQ(info.step, 8);
  EXPECT_EQ(info.rng_seed, 7u);
  EXPECT_THAT(info.config_json, HasSubstr("\"sequence_length\": 12"));
  EXPECT_FALSE(info.numerics_fingerprint.empty());
  EXPECT_FALSE(info.program.empty()) << "functions for readers without the modules' code";
  const absl::StatusOr<Config> config =
      Config::FromBytes(SchemaRegistry::Builtin(), info.config);
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_EQ(config->root().Fingerprint(), ConfigWith({}).Resolve()->root().Fingerprint());
  const absl::StatusOr<std::string> packed = PackedTokenizerOf(info);
  ASSERT_TRUE(packed.ok());
  const auto tokenizer = UnpackTokenizer(*packed);
  ASSERT_TRUE(tokenizer.ok());
  EXPECT_EQ((*tokenizer)->vocab_size(), 33);
}

TEST_F(CheckpointTest, AFolderWithCheckpointsIsNotOverwritten) {
  RunAll({});
  const absl::Status status =
      Trainer::Create(ConfigWith({}), environment_.get(), {.out_dir = out_}).status();
  EXPECT_TRUE(absl::IsAlreadyExists(status)) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr("step_8"));
}

TEST_F(CheckpointTest, ResumingNothingBeginsAtTheBeginningAndSaysSo) {
  auto trainer = MakeTrainer(ConfigWith({}), environment_, {.out_dir = out_, .resume = true});
  ASSERT_NE(trainer, nullptr);
  EXPECT_EQ(trainer->step(), 0);
  EXPECT_THAT(*trainer->DescribeJson(), HasSubstr("holds no checkpoint; the run begins at 0"));
}

TEST_F(CheckpointTest, ADamagedNewestIsPassedOverAndLeftAlone) {
  RunAll({{"trainer.save_every", "4"}});
  Damage("step_8");
  auto trainer = MakeTrainer(ConfigWith({{"trainer.save_every", "4"}}), environment_,
                             {.out_dir = out_, .resume = true});
  ASSERT_NE(trainer, nullptr);
  EXPECT_EQ(trainer->step(), 4);
  const std::string json = *trainer->DescribeJson();
  EXPECT_THAT(json, Not(HasSubstr("config changed"))) << "nothing was";
  EXPECT_THAT(json, HasSubstr("\"damaged\":[{\"path\""));
  EXPECT_THAT(json, HasSubstr("step_8"));
  EXPECT_THAT(StepFolders(out_), ElementsAre("step_4", "step_8"));
  EXPECT_THAT(ReadText(out_ + "/metrics.jsonl"), HasSubstr("damaged checkpoint passed over"));
  ASSERT_TRUE(trainer->Run(0, {}, nullptr).ok());
  const std::vector<std::string> names = StepFolders(out_);
  ASSERT_EQ(names.size(), 3u) << "the damaged one is set aside, not deleted";
  EXPECT_THAT(names[2], HasSubstr("step_8.damaged-"));
}

TEST_F(CheckpointTest, OnlyDamagedCheckpointsAreNoFreshStart) {
  RunAll({});
  Damage("step_8");
  const absl::Status status = ResumeStatus({});
  EXPECT_TRUE(absl::IsDataLoss(status)) << status;
}

TEST_F(CheckpointTest, AnotherModelOrOptimizerIsRefused) {
  RunAll({});
  const absl::Status wider = ResumeStatus({{"model.model_dim", "32"}});
  EXPECT_TRUE(absl::IsFailedPrecondition(wider)) << wider;
  const absl::Status deeper = ResumeStatus({{"model.decoder.num_layers", "3"}});
  EXPECT_TRUE(absl::IsFailedPrecondition(deeper)) << deeper;
  EXPECT_THAT(std::string(deeper.message()), HasSubstr("decoder/layers/2"));
  const absl::Status flatter = ResumeStatus({{"model.decoder.num_layers", "1"}});
  EXPECT_TRUE(absl::IsFailedPrecondition(flatter)) << flatter;
  EXPECT_THAT(std::string(flatter.message()), HasSubstr("which this model does not have"));
  const absl::Status optimizer = ResumeStatus({{"optimizer", R"({"type": "Sgd"})"}});
  EXPECT_TRUE(absl::IsFailedPrecondition(optimizer)) << optimizer;
  EXPECT_THAT(std::string(optimizer.message()), HasSubstr("this optimizer does not have"));
  const absl::Status order = ResumeStatus({{"data.seed", "99"}});
  EXPECT_TRUE(absl::IsFailedPrecondition(order)) << order;
}

TEST_F(CheckpointTest, AChangedConfigAndOtherKernelsAreNoted) {
  RunAll({{"trainer.steps", "4"}});
  auto trainer = MakeTrainer(
      ConfigWith({{"trainer.steps", "6"}, {"runtime.isa", "reference"}}), environment_,
      {.out_dir = out_, .resume = true});
  ASSERT_NE(trainer, nullptr);
  const std::string json = *trainer->DescribeJson();
  EXPECT_THAT(json, HasSubstr("config changed: "));
  EXPECT_THAT(json, HasSubstr("trainer.steps"));
  EXPECT_THAT(json, HasSubstr("\"same_as_checkpoint\":false"));
  EXPECT_THAT(json, HasSubstr("under other kernels"));
  EXPECT_THAT(ReadText(out_ + "/metrics.jsonl"), HasSubstr("under other kernels"));
  EXPECT_TRUE(trainer->Run(0, {}, nullptr).ok());
}

TEST_F(CheckpointTest, CancellingFinishesTheStepAndSaves) {
  auto trainer = MakeTrainer(ConfigWith({{"trainer.steps", "100000"}}), environment_,
                             {.out_dir = out_});
  ASSERT_NE(trainer, nullptr);
  std::atomic<bool> cancelled{false};
  int64_t last = 0;
  absl::Status status;
  std::thread worker([&] {
    status = trainer->Run(0, [&] { return cancelled.load(); },
                          [&](const StepResult& result) { last = result.step; });
  });
  std::this_thread::sleep_for(std::chrono::milliseconds(100));
  cancelled = true;
  worker.join();
  EXPECT_TRUE(absl::IsCancelled(status)) << status;
  EXPECT_EQ(trainer->step(), last);
  EXPECT_THAT(StepFolders(out_), ElementsAre(absl::StrCat("step_", last)));
}

TEST_F(CheckpointTest, CancelledBeforeTheFirstStepDoesNone) {
  auto trainer = MakeTrainer(ConfigWith({}), environment_, {.out_dir = out_});
  ASSERT_NE(trainer, nullptr);
  EXPECT_TRUE(absl::IsCancelled(trainer->Run(0, [] { return true; }, nullptr)));
  EXPECT_EQ(trainer->step(), 0);
  EXPECT_THAT(StepFolders(out_), ElementsAre("step_0"));
}

TEST_F(CheckpointTest, SavingHasItsErrors) {
  auto trainer = MakeTrainer(ConfigWith({}), environment_);
  ASSERT_NE(trainer, nullptr);
  EXPECT_TRUE(absl::IsFailedPrecondition(trainer->Save()));
  ASSERT_TRUE(trainer->Save(folder_.path("mine")).ok());
  EXPECT_TRUE(absl::IsAlreadyExists(trainer->Save(folder_.path("mine"))));
  EXPECT_TRUE(absl::IsNotFound(trainer->Load(folder_.path("none"))));
}

TEST_F(CheckpointTest, SavingAStepTwiceIsOneCheckpoint) {
  auto trainer = MakeTrainer(ConfigWith({}), environment_, {.out_dir = out_});
  ASSERT_NE(trainer, nullptr);
  ASSERT_TRUE(trainer->Step().ok());
  EXPECT_TRUE(trainer->Save().ok());
  EXPECT_TRUE(trainer->Save().ok());
  EXPECT_THAT(StepFolders(out_), ElementsAre("step_1"));
}

TEST(RunStateTest, ComesBackFromACheckpointInfoAndFromBytes) {
  RunState state;
  state.step = 12;
  state.update_count = 11;
  state.tokens = int64_t{1} << 50;
  state.seed = 0xfedcba9876543210u;
  state.data_position = 99;
  state.loader_state = std::string("a\0b:7:\n", 7);
  state.packed_tokenizer = "12:x";
  state.numerics_fingerprint = "k v1";
  state.config_bytes = std::string(3, '\0');
  const absl::StatusOr<RunState> from_info = RunStateOf(ToCheckpointInfo(state));
  ASSERT_TRUE(from_info.ok()) << from_info.status();
  const absl::StatusOr<RunState> from_bytes = DecodeRunState(EncodeRunState(state));
  ASSERT_TRUE(from_bytes.ok()) << from_bytes.status();
  for (const RunState& back : {*from_info, *from_bytes}) {
    EXPECT_EQ(EncodeRunState(back), EncodeRunState(state));
  }
}

TEST(RunStateTest, DamagedDataStatesAreDataLoss) {
  RunState state;
  state.loader_state = "0123456789";
  state.packed_tokenizer = "ByteTokenizer\n";
  const CheckpointInfo good = ToCheckpointInfo(state);
  for (size_t length = 0; length < good.data_state.size(); ++length) {
    CheckpointInfo info = good;
    info.data_state.resize(length);
    EXPECT_TRUE(absl::IsDataLoss(RunStateOf(info).status())) << length;
  }
  CheckpointInfo huge = good;
  huge.data_state = "tessera data state 1\n99999999999999999999:x";
  EXPECT_TRUE(absl::IsDataLoss(RunStateOf(huge).status()));
}

}  // namespace
}  // namespace tessera
