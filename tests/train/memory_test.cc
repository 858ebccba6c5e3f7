// Method: whole runs of a model with a memory (RelativeAttention) over rows that go on (streams).
// The same run in other ways (threads, micro-batches, ranks, what is computed again, interrupted)
// must end alike, in parameters and in what rows carry. What the memory does is seen where
// parameters stand still: an evaluation in pieces is one over the whole split at once, and a row
// that begins anew has the losses that it had the first time.
#include <algorithm>
#include <cmath>
#include <functional>
#include <thread>

#include "cpp/ckpt/checkpoint_reader.h"
#include "cpp/comm/in_process.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/allocations.h"
#include "tests/train/train_kit.h"

namespace tessera {
namespace {

using testing::HasSubstr;

// 9 lines have 316 tokens to train on, 6 steps of 4 rows: a run of 8 steps passes the end.
constexpr int kShortText = 9;

Changes WithMemory(int memory_length, const Changes& changes = {}) {
  Changes all = {
      {"model.decoder.position", "NoPosition"},
      {"model.decoder.layer.attention",
       absl::StrCat(R"({"type": "RelativeAttention", "num_heads": 2, "memory_length": )",
                    memory_length, "}")},
      {"data.sampling", "streams"}};
  all.insert(all.end(), changes.begin(), changes.end());
  return all;
}

struct Ran {
  std::vector<double> losses;
  std::map<std::string, std::string> tensors;   // parameters and optimizer
  std::map<std::string, Tensor> state;          // of all rows, as a checkpoint has it
};

std::map<std::string, Tensor> StateIn(const std::string& checkpoint) {
  std::map<std::string, Tensor> state;
  const auto reader = CheckpointReader::Open(checkpoint);
  EXPECT_TRUE(reader.ok()) << reader.status();
  if (!reader.ok()) return state;
  for (const TensorRecord& record : (*reader)->manifest().tensors) {
    if (record.kind != TensorKind::kState) continue;
    state[record.path] = *(*reader)->Read(TensorKind::kState, record.path);
  }
  return state;
}

double LargestDifference(const std::map<std::string, Tensor>& a,
                         const std::map<std::string, Tensor>& b) {
  EXPECT_EQ(a.size(), b.size());
  double largest = 0;
  for (const auto& [path, x] : a) {
    const Tensor& y = b.at(path);
    EXPECT_EQ(x.dims, y.dims) << path;
    for (int64_t i = 0; i < x.count(); ++i) {
      largest = std::max(largest, std::abs(x.At(i) - y.At(i)));
    }
  }
  return largest;
}

// The rest of a run, after which there is a checkpoint of it at `path`.
Ran Finish(Trainer& trainer, const std::string& path) {
  Ran ran;
  const absl::Status status = trainer.Run(
      0, {}, [&](const StepResult& result) { ran.losses.push_back(result.loss); });
  EXPECT_TRUE(status.ok()) << status;
  EXPECT_TRUE(trainer.Save(path).ok());
  ran.tensors = TensorBytes(trainer);
  ran.state = StateIn(path);
  return ran;
}

Ran RunWhole(const RunFolder& folder, const std::string& name, const Config& config,
             int threads = 1) {
  TestEnvironment environment(threads);
  auto trainer = MakeTrainer(config, environment);
  return trainer == nullptr ? Ran() : Finish(*trainer, folder.path(name));
}

void ExpectSame(const Ran& a, const Ran& b) {
  EXPECT_EQ(a.losses, b.losses);
  EXPECT_EQ(a.tensors, b.tensors);
  EXPECT_EQ(LargestDifference(a.state, b.state), 0);
}

void ExpectNear(const Ran& a, const Ran& b, double tolerance) {
  ASSERT_EQ(a.losses.size(), b.losses.size());
  for (size_t i = 0; i < a.losses.size(); ++i) {
    EXPECT_NEAR(a.losses[i], b.losses[i], tolerance) << "step " << i + 1;
  }
  EXPECT_LT(LargestDifference(a.state, b.state), tolerance);
}

// Runs `body(rank, environment)` on a thread per rank.
void OnRanks(int count, const std::function<void(int, const TestEnvironment&)>& body) {
  std::vector<std::unique_ptr<Communicator>> group =
      NewInProcessGroup(count, {.timeout_ms = 60'000});
  std::vector<std::thread> threads;
  for (int rank = 0; rank < count; ++rank) {
    threads.emplace_back([&, rank] {
      TestEnvironment environment(1, group[static_cast<size_t>(rank)].get());
      body(rank, environment);
    });
  }
  for (std::thread& thread : threads) thread.join();
}

TEST(MemoryTest, RowsThatDoNotGoOnAreRefused) {
  RunFolder folder;
  const std::string text = folder.WriteText();
  TestEnvironment environment;
  for (const char* sampling : {"epoch", "random_window"}) {
    const Config config = SmallConfig(text, WithMemory(8, {{"data.sampling", sampling}}));
    const absl::Status status = Trainer::Create(config, environment.get(), {}).status();
    EXPECT_TRUE(absl::IsInvalidArgument(status)) << status;
    EXPECT_THAT(std::string(status.message()),
                HasSubstr("data.sampling: expected streams, since the model carries state from "
                          "step to step (decoder/layers/0/attention/memory)"));
    EXPECT_THAT(std::string(status.message()), HasSubstr(absl::StrCat("got ", sampling)));
    EXPECT_THAT(std::string(status.message()), HasSubstr("set data.sampling=streams"));
    EXPECT_NE(MakeTrainer(SmallConfig(text, WithMemory(0, {{"data.sampling", sampling}})),
                          environment),
              nullptr)
        << "without a memory any order will do";
  }
}

TEST(MemoryTest, ACorpusShorterThanABatchIsRefused) {
  RunFolder folder;
  TestEnvironment environment;
  const Config config = SmallConfig(folder.WriteText(1), WithMemory(8));
  const absl::Status status = Trainer::Create(config, environment.get(), {}).status();
  EXPECT_THAT(std::string(status.message()),
              HasSubstr("expected at least 49 tokens (a window of 12 for each of 4 rows"));
}

TEST(MemoryTest, AnyNumberOfThreadsAndAnythingComputedAgainGiveTheSameBits) {
  RunFolder folder;
  const std::string text = folder.WriteText(kShortText);
  for (const char* dtype : {"fp32", "bf16"}) {
    const auto config = [&](const char* recompute) {
      return SmallConfig(
          text, WithMemory(18, {{"runtime.dtype", dtype},
                                {"trainer.micro_batches", "2"},
                                {"trainer.recompute", recompute},
                                {"model.decoder.layer.dropout", R"({"rate": 0.1})"}}));
    };
    const Ran first = RunWhole(folder, absl::StrCat("first", dtype), config("none"));
    ASSERT_EQ(first.losses.size(), 8u);
    ASSERT_EQ(first.state.size(), 4u);
    EXPECT_EQ(first.state.begin()->second.dims, (std::vector<int64_t>{4, 18, 16}));
    ExpectSame(RunWhole(folder, absl::StrCat("threads", dtype), config("none"), 2), first);
    ExpectSame(RunWhole(folder, absl::StrCat("some", dtype), config("selective"), 2), first);
    ExpectSame(RunWhole(folder, absl::StrCat("all", dtype), config("full")), first);
  }
}

TEST(MemoryTest, TheMemoryIsRead) {
  RunFolder folder;
  const std::string text = folder.WriteText(kShortText);
  const Ran with = RunWhole(folder, "with", SmallConfig(text, WithMemory(12)));
  const Ran without = RunWhole(folder, "without", SmallConfig(text, WithMemory(0)));
  EXPECT_TRUE(without.state.empty());
  ASSERT_EQ(with.losses.size(), without.losses.size());
  EXPECT_NEAR(with.losses[0], without.losses[0], 1e-6) << "nothing is there yet";
  EXPECT_GT(std::abs(with.losses[1] - without.losses[1]), 1e-5);
}

// One row, whose part is the corpus, and parameters that stand still.
TEST(MemoryTest, ARowThatBeginsAnewFindsNothing) {
  RunFolder folder;
  const Config config = SmallConfig(
      folder.WriteText(3), WithMemory(12, {{"trainer.batch_size", "1"},
                                           {"trainer.steps", "24"},
                                           {"optimizer", R"({"type": "Sgd"})"},
                                           {"optimizer.learning_rate", "0"}}));
  const Ran ran = RunWhole(folder, "ran", config);
  ASSERT_EQ(ran.losses.size(), 24u);
  for (size_t i = 8; i < 24; ++i) EXPECT_EQ(ran.losses[i], ran.losses[i - 8]) << i;
  for (size_t i = 1; i < 8; ++i) EXPECT_NE(ran.losses[i], ran.losses[i - 1]) << i;
}

TEST(MemoryTest, MicroBatchesCarryTheirRows) {
  RunFolder folder;
  const std::string text = folder.WriteText(kShortText);
  Ran runs[3];
  for (int i = 0; i < 3; ++i) {
    runs[i] = RunWhole(
        folder, absl::StrCat("run", i),
        SmallConfig(text, WithMemory(18, {{"runtime.dtype", "fp64"},
                                          {"trainer.micro_batches", absl::StrCat(1 << i)}})));
    ExpectNear(runs[i], runs[0], 1e-9);
  }
}

TEST(MemoryTest, InterruptedAndResumedIsUninterrupted) {
  RunFolder folder;
  const Config config =
      SmallConfig(folder.WriteText(kShortText), WithMemory(18, {{"trainer.micro_batches", "2"},
                                                                {"trainer.save_every", "3"}}));
  const Ran whole = RunWhole(folder, "whole", config);
  ASSERT_EQ(whole.losses.size(), 8u);
  for (const size_t stop_after : {1, 4, 7}) {   // in the first epoch and in the second
    SCOPED_TRACE(stop_after);
    const std::string out = folder.path(absl::StrCat("parts", stop_after));
    TestEnvironment environment(2), other(1);
    {
      auto first = MakeTrainer(config, environment, {.out_dir = out});
      ASSERT_NE(first, nullptr);
      size_t steps = 0;
      const absl::Status status = first->Run(
          0, [&] { return steps + 1 >= stop_after; }, [&](const StepResult&) { ++steps; });
      ASSERT_TRUE(absl::IsCancelled(status)) << status;
    }
    auto second = MakeTrainer(config, other, {.out_dir = out, .resume = true});
    ASSERT_NE(second, nullptr);
    const auto done = static_cast<std::ptrdiff_t>(second->step());
    Ran rest = Finish(*second, folder.path(absl::StrCat("end", stop_after)));
    rest.losses.insert(rest.losses.begin(), whole.losses.begin(), whole.losses.begin() + done);
    ExpectSame(rest, whole);
  }
}

// What a checkpoint has of it are the rows of the batch, whoever carries them.
TEST(MemoryTest, ARunGoesOnWithOtherRanksAndMicroBatches) {
  RunFolder folder;
  const std::string text = folder.WriteText(kShortText);
  const auto config = [&](const char* micro_batches) {
    return SmallConfig(text, WithMemory(18, {{"runtime.dtype", "fp64"},
                                             {"trainer.micro_batches", micro_batches}}));
  };
  const Ran whole = RunWhole(folder, "whole", config("1"));
  TestEnvironment alone;
  auto first = MakeTrainer(config("4"), alone);
  ASSERT_NE(first, nullptr);
  ASSERT_TRUE(first->Run(3, {}, nullptr).ok());
  ASSERT_TRUE(first->Save(folder.path("three")).ok());
  Ran rest;
  rest.losses.assign(whole.losses.begin(), whole.losses.begin() + 3);
  OnRanks(2, [&](int rank, const TestEnvironment& environment) {
    auto second = MakeTrainer(config("2"), environment);
    ASSERT_NE(second, nullptr);
    ASSERT_TRUE(second->Load(folder.path("three")).ok());
    ASSERT_TRUE(second
                    ->Run(3, {},
                          [&](const StepResult& result) {
                            if (rank == 0) rest.losses.push_back(result.loss);
                          })
                    .ok());
    ASSERT_TRUE(second->Save(folder.path("six")).ok());
  });
  auto third = MakeTrainer(config("1"), alone);
  ASSERT_NE(third, nullptr);
  ASSERT_TRUE(third->Load(folder.path("six")).ok());
  const Ran end = Finish(*third, folder.path("end"));
  rest.losses.insert(rest.losses.end(), end.losses.begin(), end.losses.end());
  rest.state = end.state;
  ExpectNear(rest, whole, 1e-9);
}

TEST(MemoryTest, RanksSaveAndResumeExactly) {
  RunFolder folder;
  const Config config =
      SmallConfig(folder.WriteText(kShortText), WithMemory(18, {{"trainer.save_every", "3"}}));
  const auto run = [&](const std::string& out, bool resume, int64_t steps) {
    OnRanks(2, [&](int, const TestEnvironment& environment) {
      auto trainer = MakeTrainer(config, environment, {.out_dir = out, .resume = resume});
      ASSERT_NE(trainer, nullptr);
      const absl::Status status = trainer->Run(steps, {}, nullptr);
      ASSERT_TRUE(status.ok()) << status;
    });
  };
  run(folder.path("whole"), false, 0);
  run(folder.path("parts"), false, 5);   // step 3 is saved
  run(folder.path("parts"), true, 0);
  EXPECT_EQ(DataFiles(folder.path("parts/checkpoints/step_8")),
            DataFiles(folder.path("whole/checkpoints/step_8")));
  EXPECT_EQ(StateIn(folder.path("whole/checkpoints/step_8")).size(), 4u);
}

TEST(MemoryTest, ASkippedStepLeavesWhatRowsCarry) {
  RunFolder folder;
  TestEnvironment environment;
  for (const char* policy : {"skip", "stop"}) {
    SCOPED_TRACE(policy);
    auto trainer = MakeTrainer(SmallConfig(folder.WriteText(),
                                           WithMemory(12, {{"trainer.nan_policy", policy},
                                                           {"trainer.find_non_finite", "true"}})),
                               environment);
    ASSERT_NE(trainer, nullptr);
    for (int i = 0; i < 2; ++i) ASSERT_TRUE(trainer->Step().ok());
    const auto state = [&](const std::string& name) {
      ASSERT_TRUE(trainer->Save(folder.path(name)).ok());
    };
    state(absl::StrCat(policy, "2"));
    Tensor weight = trainer->parameters()->Find(
        SlotKind::kParam, "decoder/layers/0/feed_forward/down_proj/weight");
    const double good = weight.At(5);
    weight.Put(5, INFINITY);
    const absl::StatusOr<StepResult> result = trainer->Step();
    const bool skips = std::string_view(policy) == "skip";
    ASSERT_EQ(result.ok(), skips) << result.status();
    weight.Put(5, good);
    state(absl::StrCat(policy, "3"));
    EXPECT_EQ(LargestDifference(StateIn(folder.path(absl::StrCat(policy, "2"))),
                                StateIn(folder.path(absl::StrCat(policy, "3")))),
              0);
    const absl::StatusOr<StepResult> next = trainer->Step();
    ASSERT_TRUE(next.ok()) << next.status();
    EXPECT_FALSE(next->skipped);
  }
}

TEST(MemoryTest, ACheckpointWithoutItBeginsWithZerosAndSaysSo) {
  RunFolder folder;
  const std::string text = folder.WriteText();
  TestEnvironment environment;
  auto first = MakeTrainer(SmallConfig(text, WithMemory(0)), environment);
  ASSERT_NE(first, nullptr);
  ASSERT_TRUE(first->Run(2, {}, nullptr).ok());
  ASSERT_TRUE(first->Save(folder.path("none")).ok());
  auto second = MakeTrainer(SmallConfig(text, WithMemory(12)), environment);
  ASSERT_NE(second, nullptr);
  ASSERT_TRUE(second->Run(1, {}, nullptr).ok());
  ASSERT_TRUE(second->Load(folder.path("none")).ok());
  EXPECT_THAT(*second->DescribeJson(),
              HasSubstr("state: it begins with zeros, as in a new run: "
                        "decoder/layers/0/attention/memory is f32[4,12,16] here, the checkpoint"));
  ASSERT_TRUE(second->Save(folder.path("zeros")).ok());
  for (const auto& [path, tensor] : StateIn(folder.path("zeros"))) {
    for (int64_t i = 0; i < tensor.count(); ++i) ASSERT_EQ(tensor.At(i), 0) << path;
  }
  ASSERT_TRUE(second->Run(1, {}, nullptr).ok());
  // Rows of another batch go on elsewhere.
  ASSERT_TRUE(second->Save(folder.path("three")).ok());
  auto third = MakeTrainer(SmallConfig(text, WithMemory(12, {{"trainer.batch_size", "8"}})),
                           environment);
  ASSERT_NE(third, nullptr);
  const absl::Status status = third->Load(folder.path("three"));
  EXPECT_TRUE(absl::IsFailedPrecondition(status)) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr("'streams of 4 rows'"));
}

// Parameters stand still in an evaluation, so a long memory is all of what came before.
TEST(MemoryTest, AnEvaluationInPiecesIsThatOfTheWholeSplit) {
  RunFolder folder;
  const std::string text = folder.WriteText(kShortText);   // 80 tokens, 79 targets to evaluate
  TestEnvironment environment;
  const auto loss = [&](int memory_length, const char* sequence) {
    auto trainer = MakeTrainer(
        SmallConfig(text, WithMemory(memory_length, {{"runtime.dtype", "fp64"},
                                                     {"trainer.batch_size", "1"},
                                                     {"trainer.sequence_length", sequence}})),
        environment);
    EXPECT_NE(trainer, nullptr);
    const absl::StatusOr<double> first = trainer->Evaluate(), again = trainer->Evaluate();
    EXPECT_TRUE(first.ok() && again.ok()) << first.status();
    EXPECT_EQ(*first, *again) << "each begins with nothing";
    return *first;
  };
  const double whole = loss(0, "79");
  EXPECT_NEAR(loss(80, "12"), whole, 1e-12);
  EXPECT_GT(std::abs(loss(0, "12") - whole), 1e-6);
}

TEST(MemoryTest, AnEvaluationChangesNothing) {
  RunFolder folder;
  const std::string text = folder.WriteText(kShortText);
  const Ran plain = RunWhole(folder, "plain", SmallConfig(text, WithMemory(12)));
  const Ran evaluated = RunWhole(
      folder, "evaluated", SmallConfig(text, WithMemory(12, {{"trainer.eval_every", "2"}})));
  ExpectSame(evaluated, plain);
}

TEST(MemoryTest, SteadyStepsAllocateNothing) {
  RunFolder folder;
  TestEnvironment environment(2);
  auto trainer = MakeTrainer(
      SmallConfig(folder.WriteText(kShortText),
                  WithMemory(12, {{"trainer.steps", "40"}, {"trainer.micro_batches", "2"}})),
      environment, {.out_dir = folder.path("out")});
  ASSERT_NE(trainer, nullptr);
  for (int i = 0; i < 10; ++i) ASSERT_TRUE(trainer->Step().ok());
  const int64_t before = AllocationCount();
  for (int i = 0; i < 20; ++i) {
    if (!trainer->Step().ok()) FAIL();
  }
  EXPECT_EQ(AllocationCount() - before, 0);
}

}  // namespace
}  // namespace tessera
