// Method: a run that writes its routing down, and runs that take it from there: losses and
// parameters have the same bits, for one thread and two, for gates that draw numbers, with
// micro-batches. A recording that is interrupted and resumed is byte by byte the one that was not.
// Two ranks write what one does. With other choices the run is another one; files that do not fit
// are named.
#include <algorithm>
#include <thread>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "cpp/ckpt/safetensors.h"
#include "cpp/comm/in_process.h"
#include "tests/train/train_kit.h"

namespace tessera {
namespace {

using testing::HasSubstr;

constexpr char kMixture[] = "routing/decoder/layers/1/feed_forward";

Config MixtureConfig(const RunFolder& folder, const std::string& mixture, Changes changes) {
  changes.emplace_back("model.decoder.layer.feed_forward",
                       absl::StrCat(R"({"type": "MixtureOfExperts", "num_experts": 4, )", mixture,
                                    R"("expert": {"type": "FeedForward", "hidden_dim": 6}})"));
  return SmallConfig(folder.WriteText(), changes);
}

struct Ran {
  std::vector<double> losses;
  std::map<std::string, std::string> bytes;

  bool operator==(const Ran&) const = default;
};

Ran RunAll(const Config& config, int threads = 1) {
  Ran ran;
  const TestEnvironment environment(threads);
  const auto trainer = MakeTrainer(config, environment);
  if (trainer == nullptr) return ran;
  const absl::Status status =
      trainer->Run(0, {}, [&](const StepResult& result) { ran.losses.push_back(result.loss); });
  EXPECT_TRUE(status.ok()) << status;
  ran.bytes = TensorBytes(*trainer);
  return ran;
}

Tensor ReadTensor(const std::string& path, const std::string& name) {
  const auto reader = SafetensorsReader::Open(path);
  EXPECT_TRUE(reader.ok()) << reader.status();
  absl::StatusOr<Tensor> tensor = (*reader)->Read(name);
  EXPECT_TRUE(tensor.ok()) << tensor.status();
  return *std::move(tensor);
}

class ReplayTest : public testing::TestWithParam<const char*> {};

TEST_P(ReplayTest, HasTheSameBits) {
  RunFolder folder;
  const std::string file = JsonQuoted(folder.path("routing.safetensors"));
  for (const char* micro_batches : {"1", "2"}) {
    const Changes some = {{"trainer.micro_batches", micro_batches}, {"trainer.steps", "5"}};
    Changes records = some, replays = some;
    records.emplace_back("trainer.record_routing", file);
    replays.emplace_back("trainer.replay_routing", file);
    const Ran plain = RunAll(MixtureConfig(folder, GetParam(), some));
    ASSERT_EQ(plain.losses.size(), 5u);
    EXPECT_TRUE(RunAll(MixtureConfig(folder, GetParam(), records), 2) == plain);
    for (const int threads : {1, 2}) {
      EXPECT_TRUE(RunAll(MixtureConfig(folder, GetParam(), replays), threads) == plain)
          << threads << " threads, " << micro_batches << " micro-batches";
    }
    std::filesystem::remove(folder.path("routing.safetensors"));
  }
}

INSTANTIATE_TEST_SUITE_P(
    Gates, ReplayTest,
    testing::Values("", R"("gate": {"type": "NoisyTopKGate"}, "balance": [], )",
                    R"("gate": {"type": "GShardGate"}, "jitter": 0.1, )",
                    R"("gate": {"type": "DeepSeekGate"}, )", R"("capacity_factor": 0.8, )"),
    [](const auto& info) { return absl::StrCat("gate_", info.index); });

TEST(RecordTest, SaysWhereEveryTokenWent) {
  RunFolder folder;
  const std::string path = folder.path("routing.safetensors");
  RunAll(MixtureConfig(folder, "", {{"trainer.record_routing", JsonQuoted(path)},
                                    {"trainer.steps", "3"}}));
  const Tensor choices = ReadTensor(path, kMixture), recorded = ReadTensor(path, "recorded");
  EXPECT_EQ(choices.TypeText(), "i32[3,4,12,2]");
  EXPECT_EQ(recorded.TypeText(), "u8[3,4]");
  for (int64_t i = 0; i < recorded.count(); ++i) EXPECT_EQ(recorded.At(i), 1) << i;
  for (int64_t i = 0; i < choices.count(); i += 2) {
    EXPECT_GE(choices.At(i), 0);
    EXPECT_LT(choices.At(i), 4);
    EXPECT_NE(choices.At(i), choices.At(i + 1));
  }
}

TEST(RecordTest, GoesOnWhereARunIsResumed) {
  RunFolder folder;
  const std::string whole = folder.path("whole.safetensors");
  const std::string parts = folder.path("parts.safetensors");
  RunAll(MixtureConfig(folder, "", {{"trainer.record_routing", JsonQuoted(whole)}}));
  const Config config = MixtureConfig(
      folder, "", {{"trainer.record_routing", JsonQuoted(parts)}, {"trainer.save_every", "3"}});
  const TestEnvironment environment;
  auto first = MakeTrainer(config, environment, {.out_dir = folder.path("out")});
  ASSERT_NE(first, nullptr);
  ASSERT_TRUE(first->Run(5, {}, {}).ok());   // two steps after the checkpoint
  first.reset();
  EXPECT_EQ(ReadTensor(parts, "recorded").At(5 * 4), 0);
  const auto second =
      MakeTrainer(config, environment, {.out_dir = folder.path("out"), .resume = true});
  ASSERT_NE(second, nullptr);
  ASSERT_EQ(second->step(), 3);
  ASSERT_TRUE(second->Run(0, {}, {}).ok());
  EXPECT_TRUE(ReadText(parts) == ReadText(whole));
}

TEST(RecordTest, RanksWriteWhatOneDoes) {
  RunFolder folder;
  const std::string one = folder.path("one.safetensors"), two = folder.path("two.safetensors");
  const Changes step = {{"trainer.steps", "1"}};
  Changes of_one = step, of_two = step;
  of_one.emplace_back("trainer.record_routing", JsonQuoted(one));
  of_two.emplace_back("trainer.record_routing", JsonQuoted(two));
  const Ran expected = RunAll(MixtureConfig(folder, "", of_one));
  const Config config = MixtureConfig(folder, "", of_two);
  const auto run = [&](const Config& each, std::vector<double>& losses) {
    const auto group = NewInProcessGroup(2, {.timeout_ms = 60'000});
    std::vector<std::thread> threads;
    for (size_t rank = 0; rank < 2; ++rank) {
      threads.emplace_back([&, rank] {
        const TestEnvironment environment(1, group[rank].get());
        const auto trainer = MakeTrainer(each, environment);
        ASSERT_NE(trainer, nullptr);
        const auto result = trainer->Step();
        ASSERT_TRUE(result.ok()) << result.status();
        losses[rank] = result->loss;
      });
    }
    for (std::thread& thread : threads) thread.join();
  };
  std::vector<double> recorded(2), replayed(2);
  run(config, recorded);
  EXPECT_TRUE(ReadText(two) == ReadText(one));
  Changes replays = step;
  replays.emplace_back("trainer.replay_routing", JsonQuoted(one));
  run(MixtureConfig(folder, "", replays), replayed);
  EXPECT_EQ(replayed, recorded);
  EXPECT_NEAR(recorded[0] / expected.losses[0], 1, 1e-5);
}

TEST(OtherRoutingTest, IsTakenInPlaceOfTheGates) {
  RunFolder folder;
  const std::string path = folder.path("routing.safetensors");
  const Changes step = {{"trainer.steps", "1"}};
  Changes records = step, replays = step;
  records.emplace_back("trainer.record_routing", JsonQuoted(path));
  const std::string other = folder.path("other.safetensors");
  replays.emplace_back("trainer.replay_routing", JsonQuoted(other));
  const Ran plain = RunAll(MixtureConfig(folder, "", records));
  const auto reader = SafetensorsReader::Open(path);
  ASSERT_TRUE(reader.ok());
  std::vector<NamedTensor> tensors;
  for (const SafetensorsEntry& entry : (*reader)->entries()) {
    Tensor tensor = ReadTensor(path, entry.name);
    if (entry.name == kMixture) {
      for (int64_t i = 0; i < tensor.count(); ++i) tensor.Put(i, static_cast<double>(i % 2));
    }
    tensors.push_back({entry.name, tensor});
  }
  ASSERT_TRUE(WriteSafetensors(other, tensors).ok());
  const Ran replayed = RunAll(MixtureConfig(folder, "", replays));
  ASSERT_EQ(replayed.losses.size(), 1u);
  EXPECT_NE(replayed.losses, plain.losses);
  // Experts 2 and 3 of that layer are visited by nobody: without gradient Adam has no moments.
  const std::string& moments =
      replayed.bytes.at(absl::StrCat(static_cast<int>(SlotKind::kOptimizer),
                                     " decoder/layers/1/feed_forward/experts/up_proj/weight/m"));
  const auto half = static_cast<int64_t>(moments.size() / 2);
  EXPECT_TRUE(std::all_of(moments.begin() + half, moments.end(), [](char c) { return c == 0; }));
  EXPECT_FALSE(std::all_of(moments.begin(), moments.begin() + half,
                           [](char c) { return c == 0; }));
}

absl::Status Refused(const Config& config) {
  const TestEnvironment environment;
  const auto trainer = Trainer::Create(config, environment.get(), {});
  if (!trainer.ok()) return trainer.status();
  return (*trainer)->Run(0, {}, {});
}

TEST(WrongRoutingTest, IsNamed) {
  RunFolder folder;
  const std::string path = folder.path("routing.safetensors");
  const std::string file = JsonQuoted(path);
  const auto refused = [&](const std::string& mixture, const Changes& changes) {
    const absl::Status status = Refused(MixtureConfig(folder, mixture, changes));
    EXPECT_FALSE(status.ok());
    return std::string(status.message());
  };
  EXPECT_THAT(refused("", {{"trainer.replay_routing", file}}),
              HasSubstr("trainer.replay_routing: "));
  RunAll(MixtureConfig(folder, "", {{"trainer.record_routing", file}, {"trainer.steps", "2"}}));
  EXPECT_THAT(refused("", {{"trainer.record_routing", file}}),
              HasSubstr("trainer.record_routing: create "));
  EXPECT_THAT(refused("", {{"trainer.record_routing", file}, {"trainer.replay_routing", file}}),
              HasSubstr("expected without trainer.replay_routing"));
  EXPECT_THAT(refused("\"top_k\": 3, ", {{"trainer.replay_routing", file}}),
              HasSubstr("expected steps of i32[4,12,3], got i32[2,4,12,2]"));
  EXPECT_THAT(refused("", {{"trainer.replay_routing", file}}),
              HasSubstr("expected a step up to 2, got 3"));
  EXPECT_THAT(Refused(SmallConfig(folder.WriteText(), {{"trainer.record_routing", file}}))
                  .message(),
              HasSubstr("trainer.record_routing: routing: the model has no mixture of experts"));
}

TEST(WrongRoutingTest, AStepThatWasNotRecordedIsNamed) {
  RunFolder folder;
  const std::string path = folder.path("routing.safetensors");
  const Config records =
      MixtureConfig(folder, "", {{"trainer.record_routing", JsonQuoted(path)}});
  const TestEnvironment environment;
  const auto trainer = MakeTrainer(records, environment);
  ASSERT_NE(trainer, nullptr);
  ASSERT_TRUE(trainer->Run(2, {}, {}).ok());
  const absl::Status status =
      Refused(MixtureConfig(folder, "", {{"trainer.replay_routing", JsonQuoted(path)}}));
  EXPECT_THAT(std::string(status.message()), HasSubstr("step 3, row 0: it was not recorded"));
}

}  // namespace
}  // namespace tessera
