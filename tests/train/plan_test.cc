// Method: configs described without being trained; the numbers against ones worked out by hand.
#include "cpp/train/plan.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/processor_time.h"
#include "tests/train/train_kit.h"

namespace tessera {
namespace {

using testing::HasSubstr;

TEST(PlanTest, DescribesAHundredLayersOfABillionParametersAtOnce) {
  TestEnvironment environment;
  const Config config = SmallConfig(
      "unset.txt", {{"model.vocab_size", "32000"},
                    {"model.model_dim", "896"},
                    {"model.decoder.num_layers", "100"},
                    {"model.decoder.layer.attention.num_heads", "14"},
                    {"model.decoder.layer.feed_forward.hidden_dim", "2432"},
                    {"trainer.batch_size", "8"},
                    {"trainer.sequence_length", "1024"},
                    {"runtime.dtype", "bf16"}});
  constexpr double kMostSeconds = 2;
  absl::StatusOr<std::string> json;
  const double seconds = LeastProcessorSeconds(
      kMostSeconds, [&] { json = PlanConfig(config, environment.get(), {}); });
  ASSERT_TRUE(json.ok()) << json.status();
  const double layer = 4.0 * 896 * 896 + 3.0 * 896 * 2432 + 2 * 896;
  EXPECT_EQ(FieldOf(*json, "count"), 100 * layer + 32000.0 * 896 + 896);
  EXPECT_GT(FieldOf(*json, "count"), 9e8);
  // At least 6 flops for each weight and token.
  EXPECT_GT(FieldOf(*json, "flops"), 6 * 100 * layer * 8 * 1024);
  EXPECT_GT(FieldOf(*json, "persistent_bytes"), 1e9 * 13) << "parameters, m, v and weights";
  if (!IsSanitized()) {
    EXPECT_LT(seconds, kMostSeconds);
  }
}

TEST(PlanTest, ShowsTheProgramAsTextAndAsAGraph) {
  TestEnvironment environment;
  const absl::StatusOr<std::string> json =
      PlanConfig(SmallConfig("unset.txt"), environment.get(), {.text = true, .dot = true});
  ASSERT_TRUE(json.ok()) << json.status();
  EXPECT_THAT(*json, HasSubstr("\"text\":\""));
  EXPECT_THAT(*json, HasSubstr("func "));
  EXPECT_THAT(*json, HasSubstr("digraph step {"));
  EXPECT_THAT(*json, HasSubstr("decoder/layers/1"));
}

TEST(PlanTest, ReportsWhatIsWrongWithTheConfig) {
  TestEnvironment environment;
  const absl::StatusOr<std::string> json = PlanConfig(
      SmallConfig("unset.txt", {{"model.decoder.layer.attention.num_heads", "3"}}),
      environment.get(), {});
  EXPECT_TRUE(absl::IsInvalidArgument(json.status()));
  EXPECT_THAT(std::string(json.status().message()), HasSubstr("num_heads"));
}

}  // namespace
}  // namespace tessera
