// Method: the mean loss of a split must not depend on how it is cut into batches; compared in fp64
// with a batch of one row, where no row is ever filled up.
#include <cmath>

#include "gtest/gtest.h"
#include "tests/train/train_kit.h"

namespace tessera {
namespace {

TEST(EvaluatorTest, TheMeanOfTheWholeSplitIsExactWithARaggedLastBatch) {
  RunFolder folder;
  const std::string text = folder.WriteText(9);
  TestEnvironment environment;
  double losses[4];
  const int sizes[] = {1, 3, 4, 7};
  for (int i = 0; i < 4; ++i) {
    auto trainer = MakeTrainer(
        SmallConfig(text, {{"runtime.dtype", "fp64"},
                           {"trainer.batch_size", absl::StrCat(sizes[i])}}),
        environment, {.out_dir = folder.path(absl::StrCat("out", i))});
    ASSERT_NE(trainer, nullptr);
    const absl::StatusOr<double> loss = trainer->Evaluate();
    ASSERT_TRUE(loss.ok()) << loss.status();
    losses[i] = *loss;
    EXPECT_NEAR(losses[i], losses[0], 1e-12) << sizes[i] << " rows";
    const std::string record =
        ReadText(folder.path(absl::StrCat("out", i, "/metrics.jsonl")));
    // 9 * 44 characters, of which the last fifth is kept: 80, all but the first one a target.
    EXPECT_EQ(FieldOf(record, "eval_tokens"), 79) << record;
  }
}

TEST(EvaluatorTest, AnEvaluationChangesNothing) {
  RunFolder folder;
  TestEnvironment environment;
  const Config config = SmallConfig(
      folder.WriteText(), {{"runtime.dtype", "bf16"},
                           {"model.decoder.layer.dropout", R"({"rate": 0.3})"}});
  auto plain = MakeTrainer(config, environment);
  auto evaluated = MakeTrainer(config, environment);
  ASSERT_NE(plain, nullptr);
  ASSERT_NE(evaluated, nullptr);
  for (int i = 0; i < 4; ++i) {
    ASSERT_TRUE(plain->Step().ok());
    ASSERT_TRUE(evaluated->Step().ok());
    const absl::StatusOr<double> once = evaluated->Evaluate();
    const absl::StatusOr<double> again = evaluated->Evaluate();
    ASSERT_TRUE(once.ok() && again.ok());
    EXPECT_EQ(*once, *again);
  }
  EXPECT_EQ(TensorBytes(*plain), TensorBytes(*evaluated));
}

TEST(EvaluatorTest, FewerBatchesAreADifferentMean) {
  RunFolder folder;
  const std::string text = folder.WriteText();
  TestEnvironment environment;
  auto whole = MakeTrainer(SmallConfig(text), environment);
  auto part = MakeTrainer(SmallConfig(text, {{"trainer.eval_batches", "2"}}), environment,
                          {.out_dir = folder.path("out")});
  ASSERT_NE(whole, nullptr);
  ASSERT_NE(part, nullptr);
  const absl::StatusOr<double> a = whole->Evaluate(), b = part->Evaluate();
  ASSERT_TRUE(a.ok() && b.ok());
  EXPECT_NE(*a, *b);
  EXPECT_EQ(FieldOf(ReadText(folder.path("out/metrics.jsonl")), "eval_tokens"), 2 * 4 * 12);
}

TEST(EvaluatorTest, WithoutASplitThereIsNothingToEvaluate) {
  RunFolder folder;
  TestEnvironment environment;
  auto trainer = MakeTrainer(
      SmallConfig(folder.WriteText(), {{"data.validation_fraction", "0"}}), environment);
  ASSERT_NE(trainer, nullptr);
  EXPECT_TRUE(absl::IsFailedPrecondition(trainer->Evaluate().status()));
  EXPECT_TRUE(trainer->Run(0, {}, nullptr).ok()) << "a run goes without";
}

}  // namespace
}  // namespace tessera
