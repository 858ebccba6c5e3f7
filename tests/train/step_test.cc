// Method: one step looked at closely. Accumulated micro-batches against the whole batch in fp64;
// the allocations of steady steps, counted; what happens when numbers stop being finite.
#include <cmath>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/allocations.h"
#include "tests/train/train_kit.h"

namespace tessera {
namespace {

using testing::HasSubstr;

// Largest difference of any parameter, relative to the largest magnitude in its tensor.
double LargestDifference(const Trainer& a, const Trainer& b) {
  double largest = 0;
  for (const auto& [kind, name] : a.parameters()->List()) {
    if (kind != SlotKind::kParam) continue;
    const Tensor x = a.parameters()->Find(kind, name), y = b.parameters()->Find(kind, name);
    double scale = 1e-30, difference = 0;
    for (int64_t i = 0; i < x.count(); ++i) {
      scale = std::max(scale, std::abs(x.At(i)));
      difference = std::max(difference, std::abs(x.At(i) - y.At(i)));
    }
    largest = std::max(largest, difference / scale);
  }
  return largest;
}

TEST(StepTest, MicroBatchesAddUpToTheWholeBatch) {
  RunFolder folder;
  const std::string text = folder.WriteText();
  const std::pair<const char*, double> formats[] = {{"fp64", 1e-10}, {"fp32", 1e-4}};
  for (const auto& [dtype, tolerance] : formats) {
    TestEnvironment environment;
    std::unique_ptr<Trainer> trainers[3];
    StepResult results[3];
    for (int i = 0; i < 3; ++i) {
      const Changes changes = {{"runtime.dtype", dtype},
                               {"model.decoder.layer.dropout", R"({"rate": 0.2})"},
                               {"trainer.micro_batches", absl::StrCat(1 << i)},
                               {"data.isolate_documents", "true"},
                               {"schedule", "Constant"},
                               {"optimizer", R"({"type": "Sgd", "learning_rate": 0.1})"}};
      trainers[i] = MakeTrainer(SmallConfig(text, changes), environment);
      ASSERT_NE(trainers[i], nullptr);
      for (int step = 0; step < 3; ++step) {
        const absl::StatusOr<StepResult> result = trainers[i]->Step();
        ASSERT_TRUE(result.ok()) << result.status();
        results[i] = *result;
      }
    }
    for (int i = 1; i < 3; ++i) {
      EXPECT_NEAR(results[i].loss, results[0].loss, tolerance) << dtype;
      EXPECT_NEAR(results[i].grad_norm / results[0].grad_norm, 1, tolerance) << dtype;
      EXPECT_LT(LargestDifference(*trainers[i], *trainers[0]), tolerance) << dtype;
      EXPECT_EQ(results[i].tokens, results[0].tokens);
    }
  }
}

TEST(StepTest, GradientsAreClippedToTheGlobalNorm) {
  RunFolder folder;
  const std::string text = folder.WriteText();
  TestEnvironment environment;
  const auto moved = [&](const char* clip, double* norm) {
    auto trainer = MakeTrainer(
        SmallConfig(text, {{"runtime.dtype", "fp64"},
                           {"trainer.clip_norm", clip},
                           {"schedule", "Constant"},
                           {"optimizer", R"({"type": "Sgd", "learning_rate": 1})"}}),
        environment);
    const auto before = TensorBytes(*trainer);
    *norm = trainer->Step()->grad_norm;
    double sum = 0;
    for (const auto& [key, bytes] : before) {
      const Tensor now = trainer->parameters()->Find(SlotKind::kParam, key.substr(2));
      const auto* old = reinterpret_cast<const double*>(bytes.data());
      for (int64_t i = 0; i < now.count(); ++i) sum += std::pow(now.At(i) - old[i], 2);
    }
    return std::sqrt(sum);
  };
  double norm = 0, clipped_norm = 0;
  const double free = moved("0", &norm);
  EXPECT_NEAR(free, norm, 1e-9 * norm) << "plain descent at rate 1 moves by the gradient";
  const double clipped = moved("0.25", &clipped_norm);
  EXPECT_EQ(clipped_norm, norm) << "reported before clipping";
  EXPECT_GT(norm, 0.25);
  EXPECT_NEAR(clipped, 0.25, 1e-5);
}

TEST(StepTest, SteadyStepsAllocateNothing) {
  RunFolder folder;
  TestEnvironment environment(2);
  auto trainer = MakeTrainer(
      SmallConfig(folder.WriteText(), {{"trainer.steps", "40"},
                                       {"trainer.micro_batches", "2"},
                                       {"model.decoder.layer.dropout", R"({"rate": 0.1})"}}),
      environment, {.out_dir = folder.path("out")});
  ASSERT_NE(trainer, nullptr);
  for (int i = 0; i < 10; ++i) ASSERT_TRUE(trainer->Step().ok());
  const int64_t before = AllocationCount();
  for (int i = 0; i < 20; ++i) {
    const absl::StatusOr<StepResult> result = trainer->Step();
    if (!result.ok()) FAIL() << result.status();
  }
  EXPECT_EQ(AllocationCount() - before, 0) << "in 20 steps with their metrics";
}

class NonFiniteTest : public testing::Test {
 protected:
  // After two good steps element 5 of a parameter becomes `value`.
  std::unique_ptr<Trainer> Poisoned(
      const char* policy, double value, const std::string& out = "",
      const char* path = "decoder/layers/1/feed_forward/down_proj/weight") {
    auto trainer = MakeTrainer(
        SmallConfig(folder_.WriteText(), {{"trainer.nan_policy", policy},
                                          {"trainer.find_non_finite", "true"}}),
        environment_, {.out_dir = out});
    EXPECT_NE(trainer, nullptr);
    for (int i = 0; i < 2; ++i) EXPECT_TRUE(trainer->Step().ok());
    Tensor weight = trainer->parameters()->Find(SlotKind::kParam, path);
    EXPECT_TRUE(weight.defined());
    good_ = weight.At(5);
    weight.Put(5, value);
    weight_ = weight;
    return trainer;
  }

  RunFolder folder_;
  TestEnvironment environment_;
  Tensor weight_;
  double good_ = 0;
};

TEST_F(NonFiniteTest, StopsWithoutApplyingAndNamesTheOp) {
  auto trainer = Poisoned("stop", INFINITY);
  const auto before = TensorBytes(*trainer);
  for (int attempt = 0; attempt < 2; ++attempt) {
    const absl::StatusOr<StepResult> result = trainer->Step();
    EXPECT_TRUE(absl::IsFailedPrecondition(result.status())) << result.status();
    EXPECT_THAT(std::string(result.status().message()), HasSubstr("step 3: expected finite"));
    EXPECT_THAT(std::string(result.status().message()),
                HasSubstr("parameter decoder/layers/1/feed_forward/down_proj/weight holds inf at "
                          "element 5"));
    EXPECT_EQ(TensorBytes(*trainer), before);
    EXPECT_EQ(trainer->step(), 2);
  }
  weight_.Put(5, good_);
  const absl::StatusOr<StepResult> result = trainer->Step();
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->step, 3) << "the batch was given back";
  const absl::StatusOr<std::string> json = trainer->DescribeJson();
  EXPECT_EQ(FieldOf(*json, "position"), 3 * 4);
}

TEST_F(NonFiniteTest, NamesTheFirstOpThatOverflows) {
  // Numbers of size 1 times a scale just below the largest one.
  auto trainer = Poisoned("stop", 3.3e38, "", "decoder/layers/1/norm_1/scale");
  const absl::Status status = trainer->Step().status();
  EXPECT_TRUE(absl::IsFailedPrecondition(status));
  EXPECT_THAT(std::string(status.message()), HasSubstr("rms_norm at 'decoder/layers/1"));
  EXPECT_THAT(std::string(status.message()), HasSubstr("its operands are finite"));
}

TEST_F(NonFiniteTest, SkipsAndGoesOn) {
  auto trainer = Poisoned("skip", INFINITY, folder_.path("out"));
  const auto before = TensorBytes(*trainer);
  const absl::StatusOr<StepResult> result = trainer->Step();
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_TRUE(result->skipped);
  EXPECT_EQ(result->step, 3);
  EXPECT_EQ(TensorBytes(*trainer), before);
  weight_.Put(5, good_);
  const absl::StatusOr<StepResult> next = trainer->Step();
  ASSERT_TRUE(next.ok());
  EXPECT_FALSE(next->skipped);
  EXPECT_EQ(next->step, 4);
  EXPECT_NE(TensorBytes(*trainer), before);
  const absl::StatusOr<std::string> json = trainer->DescribeJson();
  EXPECT_EQ(FieldOf(*json, "update_count"), 3) << "the optimizer's step counts applied updates";
  const std::string metrics = ReadText(folder_.path("out/metrics.jsonl"));
  EXPECT_THAT(metrics, HasSubstr("\"skipped\":true"));
  EXPECT_THAT(metrics, HasSubstr("the step was not applied"));
}

}  // namespace
}  // namespace tessera
