// Method: whole runs of a model whose feed-forward layers are mixtures of experts. Two ranks with
// half the batch each against one with all of it: losses on totals over all ranks, a router's bias
// moved by the counts of all ranks. Threads and interruptions against neither, bit by bit. What the
// bias is after some steps, from what the step before left, by counts of one micro-batch or of two.
#include <cmath>
#include <functional>
#include <thread>

#include "gtest/gtest.h"
#include "cpp/comm/in_process.h"
#include "cpp/train/trainer.h"
#include "tests/train/train_kit.h"

namespace tessera {
namespace {

constexpr char kMixture[] = "model.decoder.layer.feed_forward";
constexpr char kTotals[] = R"({"type": "MixtureOfExperts", "num_experts": 4,
    "expert": {"type": "FeedForward", "hidden_dim": 12, "bias": true},
    "balance": [{"type": "LoadBalance", "weight": 0.1}, {"type": "RouterZLoss", "weight": 0.01},
                {"type": "ImportanceBalance", "weight": 0.1}, {"type": "LoadMetrics"}]})";
constexpr char kDeepSeek[] = R"({"type": "MixtureOfExperts", "num_experts": 6, "top_k": 2,
    "jitter": 0.01, "gate": {"type": "DeepSeekGate", "bias_rate": 0.01, "num_groups": 3,
                             "top_groups": 2, "scale": 2.5},
    "expert": {"type": "FeedForward", "hidden_dim": 12},
    "shared": {"type": "FeedForward", "hidden_dim": 8},
    "balance": [{"type": "LoadBalance", "scope": "sequence", "weight": 0.1}]})";
constexpr char kSwitch[] = R"({"type": "MixtureOfExperts", "num_experts": 4, "top_k": 1,
    "capacity_factor": 1.25, "group": "sequence", "gate": {"type": "SwitchGate"},
    "expert": {"type": "FeedForward", "hidden_dim": 12, "gated": false},
    "balance": [{"type": "LoadBalance"}]})";
constexpr char kRelu[] = R"({"type": "MixtureOfExperts", "num_experts": 4,
    "gate": {"type": "ReluGate", "first_factor": 0.01},
    "expert": {"type": "FeedForward", "hidden_dim": 12}, "balance": []})";
constexpr char kQuantile[] = R"({"type": "MixtureOfExperts", "num_experts": 6, "skip_padding": true,
    "gate": {"type": "QuantileGate", "ema": 0.5},
    "expert": {"type": "FeedForward", "hidden_dim": 12},
    "balance": [{"type": "LoadMetrics", "loads": true}]})";
constexpr char kSwipe[] = R"({"type": "MixtureOfExperts", "num_experts": 6,
    "gate": {"type": "SwipeGate", "group_size": 2},
    "expert": {"type": "FeedForward", "hidden_dim": 12}, "balance": [{"type": "LoadBalance"}]})";
constexpr char kHash[] = R"({"type": "MixtureOfExperts", "num_experts": 5, "top_k": 1,
    "gate": {"type": "HashGate"}, "expert": {"type": "FeedForward", "hidden_dim": 12},
    "balance": []})";

Config MixtureConfig(const RunFolder& folder, const char* mixture, Changes more = {}) {
  Changes changes = {{kMixture, mixture}, {"trainer.steps", "12"}};
  changes.insert(changes.end(), more.begin(), more.end());
  return SmallConfig(folder.WriteText(), changes);
}

void CompareRanks(const RunFolder& folder, const Config& config) {
  TestEnvironment alone;
  auto one = MakeTrainer(config, alone);
  ASSERT_NE(one, nullptr);
  std::vector<StepResult> expected;
  ASSERT_TRUE(one->Run(0, {}, [&](const StepResult& r) { expected.push_back(r); }).ok());
  auto group = NewInProcessGroup(2, {.timeout_ms = 60'000});
  std::map<std::string, std::string> bytes[2];
  std::vector<std::thread> threads;
  for (int rank = 0; rank < 2; ++rank) {
    threads.emplace_back([&, rank] {
      TestEnvironment environment(1, group[rank].get());
      auto trainer = MakeTrainer(config, environment);
      ASSERT_NE(trainer, nullptr);
      const absl::Status status = trainer->Run(0, {}, [&](const StepResult& result) {
        const StepResult& want = expected[static_cast<size_t>(result.step - 1)];
        EXPECT_NEAR(result.loss / want.loss, 1, 1e-5) << "step " << result.step;
        EXPECT_NEAR(result.grad_norm / want.grad_norm, 1, 1e-3) << "step " << result.step;
      });
      EXPECT_TRUE(status.ok()) << status;
      bytes[rank] = TensorBytes(*trainer);
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(bytes[0], bytes[1]) << "parameters are replicated, bit for bit";
}

TEST(MixtureTrainTest, TwoRanksAgreeWithOneOnTotals) {
  RunFolder folder;
  CompareRanks(folder, MixtureConfig(folder, kTotals));
}

TEST(MixtureTrainTest, TwoRanksAgreeWithOneOnABiasAndMicroBatches) {
  RunFolder folder;
  CompareRanks(folder, MixtureConfig(folder, kDeepSeek, {{"trainer.micro_batches", "2"}}));
}

TEST(MixtureTrainTest, TwoRanksAgreeWithOneOnCapacity) {
  RunFolder folder;
  CompareRanks(folder, MixtureConfig(folder, kSwitch));
}

TEST(MixtureTrainTest, TwoRanksAgreeWithOneOnARegulatedFactor) {
  RunFolder folder;
  CompareRanks(folder, MixtureConfig(folder, kRelu, {{"trainer.micro_batches", "2"}}));
}

TEST(MixtureTrainTest, TwoRanksAgreeWithOneOnQuantiles) {
  RunFolder folder;
  CompareRanks(folder, MixtureConfig(folder, kQuantile, {{"trainer.micro_batches", "2"}}));
}

TEST(MixtureTrainTest, TwoRanksAgreeWithOneOnSharedOutTokens) {
  RunFolder folder;
  CompareRanks(folder, MixtureConfig(folder, kSwipe));
}

TEST(MixtureTrainTest, TheLossFalls) {
  for (const char* mixture : {kTotals, kDeepSeek, kSwitch, kRelu, kQuantile, kSwipe, kHash}) {
    RunFolder folder;
    const Config config = MixtureConfig(folder, mixture, {{"trainer.steps", "60"}});
    TestEnvironment environment;
    auto trainer = MakeTrainer(config, environment);
    ASSERT_NE(trainer, nullptr);
    double first = 0, last = 0;
    ASSERT_TRUE(trainer->Run(0, {}, [&](const StepResult& r) {
      if (r.step == 1) first = r.loss;
      last = r.loss;
    }).ok());
    EXPECT_LT(last, 0.6 * first) << mixture;
  }
}

TEST(MixtureTrainTest, ThreadsAndInterruptionsChangeNoBit) {
  for (const char* dtype : {"\"fp32\"", "\"bf16\""}) {
    RunFolder folder;
    const Config config = MixtureConfig(
        folder, kDeepSeek,
        {{"runtime.dtype", dtype}, {"trainer.save_every", "5"}, {"trainer.micro_batches", "2"}});
    TestEnvironment plain, threaded(2);
    auto whole = MakeTrainer(config, plain);
    ASSERT_NE(whole, nullptr);
    ASSERT_TRUE(whole->Run(0, {}, nullptr).ok());
    const auto expected = TensorBytes(*whole);
    auto threads = MakeTrainer(config, threaded);
    ASSERT_TRUE(threads->Run(0, {}, nullptr).ok());
    EXPECT_EQ(TensorBytes(*threads), expected);
    {
      auto begun = MakeTrainer(config, plain, {.out_dir = folder.path("parts")});
      ASSERT_NE(begun, nullptr);
      ASSERT_TRUE(begun->Run(5, {}, nullptr).ok());
    }
    auto resumed = MakeTrainer(config, plain, {.out_dir = folder.path("parts"), .resume = true});
    ASSERT_NE(resumed, nullptr);
    EXPECT_EQ(resumed->step(), 5);
    ASSERT_TRUE(resumed->Run(0, {}, nullptr).ok());
    EXPECT_EQ(TensorBytes(*resumed), expected);
  }
}

// Every step moves every element by the rate, up or down, or leaves it where loads were even.
TEST(MixtureTrainTest, TheBiasMovesOnceAStep) {
  for (const char* micro_batches : {"1", "2"}) {
    RunFolder folder;
    const Config config =
        MixtureConfig(folder, kDeepSeek, {{"trainer.micro_batches", micro_batches}});
    TestEnvironment environment;
    auto trainer = MakeTrainer(config, environment);
    ASSERT_NE(trainer, nullptr);
    const auto bias = [&] {
      std::vector<double> values;
      for (const char* layer : {"0", "1"}) {
        const Tensor tensor = trainer->parameters()->Find(
            SlotKind::kParam,
            absl::StrCat("decoder/layers/", layer, "/feed_forward/gate/bias"));
        for (int64_t i = 0; i < tensor.count(); ++i) values.push_back(tensor.At(i));
      }
      return values;
    };
    std::vector<double> before = bias();
    ASSERT_EQ(before.size(), 12u);
    for (double value : before) EXPECT_EQ(value, 0);
    for (int step = 0; step < 4; ++step) {
      ASSERT_TRUE(trainer->Step().ok());
      const std::vector<double> after = bias();
      int moved = 0;
      for (size_t i = 0; i < after.size(); ++i) {
        const double by = std::abs(after[i] - before[i]);
        moved += by > 0.005 ? 1 : 0;
        EXPECT_TRUE(by < 1e-7 || std::abs(by - 0.01) < 1e-7) << by;
      }
      EXPECT_GT(moved, 0);
      before = after;
    }
  }
}

}  // namespace
}  // namespace tessera
