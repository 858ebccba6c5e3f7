// Method: two ranks as threads of this process, each with half the batch, against one rank with the
// whole batch: gradients (as the movement of plain descent), losses, evaluations, checkpoints.
#include <algorithm>
#include <cmath>
#include <functional>
#include <thread>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "cpp/comm/in_process.h"
#include "tests/train/train_kit.h"

namespace tessera {
namespace {

using testing::HasSubstr;

// Runs `body(rank, communicator)` on a thread per rank.
void OnRanks(int count, const std::function<void(int, Communicator*)>& body) {
  std::vector<std::unique_ptr<Communicator>> group =
      NewInProcessGroup(count, {.timeout_ms = 60'000});
  std::vector<std::thread> threads;
  for (int rank = 0; rank < count; ++rank) {
    threads.emplace_back([&, rank] { body(rank, group[rank].get()); });
  }
  for (std::thread& thread : threads) thread.join();
}

TEST(RanksTest, TwoRanksAgreeWithOne) {
  RunFolder folder;
  const Config config = SmallConfig(
      folder.WriteText(), {{"trainer.steps", "20"},
                           {"trainer.micro_batches", "2"},
                           {"trainer.eval_every", "10"},
                           {"model.decoder.layer.dropout", R"({"rate": 0.1})"}});
  TestEnvironment alone;
  auto one = MakeTrainer(config, alone);
  ASSERT_NE(one, nullptr);
  std::vector<StepResult> expected;
  ASSERT_TRUE(one->Run(0, {}, [&](const StepResult& r) { expected.push_back(r); }).ok());
  std::map<std::string, std::string> bytes[2];
  OnRanks(2, [&](int rank, Communicator* communicator) {
    TestEnvironment environment(1, communicator);
    auto trainer = MakeTrainer(config, environment, {.out_dir = folder.path("out")});
    ASSERT_NE(trainer, nullptr);
    const absl::Status status = trainer->Run(0, {}, [&](const StepResult& result) {
      const StepResult& want = expected[static_cast<size_t>(result.step - 1)];
      EXPECT_NEAR(result.loss / want.loss, 1, 1e-5) << "step " << result.step;
      EXPECT_EQ(result.tokens, want.tokens);
      if (result.step == 1) {
        EXPECT_NEAR(result.grad_norm / want.grad_norm, 1, 1e-5);
      }
      if (!std::isnan(want.eval_loss)) {
        EXPECT_NEAR(result.eval_loss / want.eval_loss, 1, 1e-5);
      }
    });
    EXPECT_TRUE(status.ok()) << status;
    bytes[rank] = TensorBytes(*trainer);
  });
  EXPECT_EQ(bytes[0], bytes[1]) << "parameters are replicated, bit for bit";
  EXPECT_EQ(Lines(ReadText(folder.path("out/metrics.jsonl"))).size(), 22u)
      << "one rank writes";
}

// After the first step the momentum of plain descent is the gradient itself.
TEST(RanksTest, GradientsOfTheFirstStepAgree) {
  RunFolder folder;
  const Config config =
      SmallConfig(folder.WriteText(), {{"trainer.clip_norm", "0"},
                                       {"optimizer", R"({"type": "Sgd", "momentum": 0.9})"}});
  TestEnvironment alone;
  auto one = MakeTrainer(config, alone);
  ASSERT_NE(one, nullptr);
  ASSERT_TRUE(one->Step().ok());
  OnRanks(2, [&](int, Communicator* communicator) {
    TestEnvironment environment(1, communicator);
    auto trainer = MakeTrainer(config, environment);
    ASSERT_NE(trainer, nullptr);
    ASSERT_TRUE(trainer->Step().ok());
    int compared = 0;
    for (const auto& [kind, name] : one->parameters()->List()) {
      if (kind != SlotKind::kOptimizer) continue;
      ++compared;
      const Tensor a = one->parameters()->Find(kind, name);
      const Tensor b = trainer->parameters()->Find(kind, name);
      double largest = 1e-30, difference = 0;
      for (int64_t i = 0; i < a.count(); ++i) {
        largest = std::max(largest, std::abs(a.At(i)));
        difference = std::max(difference, std::abs(a.At(i) - b.At(i)));
      }
      EXPECT_LT(difference / largest, 1e-5) << name;
    }
    EXPECT_GE(compared, 18);
  });
}

TEST(RanksTest, OneRankSavesAndAllGoOn) {
  RunFolder folder;
  const Config config = SmallConfig(folder.WriteText(), {{"trainer.save_every", "3"}});
  std::map<std::string, std::string> whole, resumed;
  OnRanks(2, [&](int rank, Communicator* communicator) {
    TestEnvironment environment(1, communicator);
    auto trainer = MakeTrainer(config, environment, {.out_dir = folder.path("whole")});
    ASSERT_NE(trainer, nullptr);
    ASSERT_TRUE(trainer->Run(0, {}, nullptr).ok());
    if (rank == 0) whole = TensorBytes(*trainer);
  });
  const std::string out = folder.path("parts");
  OnRanks(2, [&](int rank, Communicator* communicator) {
    TestEnvironment environment(1, communicator);
    auto trainer = MakeTrainer(config, environment, {.out_dir = out});
    ASSERT_NE(trainer, nullptr);
    int steps = 0;
    // Only rank 1 is asked to stop; both do.
    const absl::Status status = trainer->Run(
        0, [&] { return rank == 1 && steps >= 3; }, [&](const StepResult&) { ++steps; });
    EXPECT_TRUE(absl::IsCancelled(status)) << status;
    EXPECT_EQ(trainer->step(), 4);
  });
  OnRanks(2, [&](int rank, Communicator* communicator) {
    TestEnvironment environment(1, communicator);
    auto trainer = MakeTrainer(config, environment, {.out_dir = out, .resume = true});
    ASSERT_NE(trainer, nullptr);
    EXPECT_EQ(trainer->step(), 4);
    ASSERT_TRUE(trainer->Run(0, {}, nullptr).ok());
    if (rank == 1) resumed = TensorBytes(*trainer);
  });
  EXPECT_EQ(whole, resumed);
}

TEST(RanksTest, AnErrorOfOneRankEndsAllAndIsNamed) {
  RunFolder folder;
  const std::string text = folder.WriteText();
  std::string messages[2];
  OnRanks(2, [&](int rank, Communicator* communicator) {
    TestEnvironment environment(1, communicator);
    // Rank 1 does not find its data.
    const Config config = SmallConfig(rank == 0 ? text : folder.path("missing.txt"));
    messages[rank] = std::string(
        Trainer::Create(config, environment.get(), {}).status().message());
  });
  EXPECT_THAT(messages[0], HasSubstr("rank 1: "));
  EXPECT_THAT(messages[0], HasSubstr("missing.txt"));
  EXPECT_THAT(messages[1], HasSubstr("missing.txt"));
}

TEST(RanksTest, DifferentConfigsAreRefused) {
  RunFolder folder;
  const std::string text = folder.WriteText();
  OnRanks(2, [&](int rank, Communicator* communicator) {
    TestEnvironment environment(1, communicator);
    const Config config =
        SmallConfig(text, {{"optimizer.learning_rate", rank == 0 ? "0.01" : "0.02"}});
    const absl::Status status = Trainer::Create(config, environment.get(), {}).status();
    EXPECT_TRUE(absl::IsInvalidArgument(status)) << status;
    EXPECT_THAT(std::string(status.message()), HasSubstr("rank 1 has another than rank 0"));
  });
}

TEST(RanksTest, ABatchThatRanksDoNotDivideIsRefused) {
  RunFolder folder;
  const Config config = SmallConfig(folder.WriteText(), {{"trainer.batch_size", "5"}});
  OnRanks(2, [&](int, Communicator* communicator) {
    TestEnvironment environment(1, communicator);
    const absl::Status status = Trainer::Create(config, environment.get(), {}).status();
    EXPECT_THAT(std::string(status.message()),
                HasSubstr("trainer.batch_size: expected a multiple of 2"));
  });
}

}  // namespace
}  // namespace tessera
