// Models that read something else than tokens: a plan of their step can be made, and a trainer,
// which has text alone, says what they lack.
#include "cpp/train/plan.h"
#include "gmock/gmock.h"
#include "tests/train/train_kit.h"

namespace tessera {
namespace {

using testing::HasSubstr;

constexpr char kSeq2Seq[] = R"({
  "type": "EncoderDecoder", "vocab_size": 48, "model_dim": 16,
  "encoder": {"num_layers": 1, "layer": {"attention": {"num_heads": 2, "causal": false},
                                         "feed_forward": {"hidden_dim": 24}}},
  "decoder": {"num_layers": 1, "layer": {"attention": {"num_heads": 2},
                                         "cross_attention": {"num_heads": 2},
                                         "feed_forward": {"hidden_dim": 24}}}})";

constexpr char kVision[] = R"({
  "type": "VisionModel", "model_dim": 16, "image_size": 8, "num_classes": 4,
  "patches": {"patch_size": 4},
  "encoder": {"num_layers": 1, "position": "NoPosition",
    "layer": {"attention": {"num_heads": 2, "causal": false},
              "feed_forward": {"hidden_dim": 24}}}})";

TEST(OtherModelsTest, ATrainerSaysWhatItHasNoDataFor) {
  const RunFolder folder;
  const TestEnvironment environment;
  for (const auto& [model, input] : {std::pair(kSeq2Seq, "source"), {kVision, "images"}}) {
    const Config config = SmallConfig(folder.WriteText(), {{"model", model}});
    const auto trainer = Trainer::Create(config, environment.get(), {});
    EXPECT_TRUE(absl::IsInvalidArgument(trainer.status())) << trainer.status();
    EXPECT_THAT(std::string(trainer.status().message()),
                HasSubstr(absl::StrCat("model input '", input, "': there are no data for it")));
  }
}

TEST(OtherModelsTest, TheirStepIsPlannedAllTheSame) {
  const RunFolder folder;
  const TestEnvironment environment;
  for (const char* model : {kSeq2Seq, kVision}) {
    const auto config = SmallConfig(folder.WriteText(), {{"model", model}}).Resolve();
    ASSERT_TRUE(config.ok()) << config.status();
    const auto plan = PlanConfig(*config, environment.get(), {});
    ASSERT_TRUE(plan.ok()) << plan.status();
    EXPECT_THAT(*plan, HasSubstr("\"parameters\""));
  }
}

}  // namespace
}  // namespace tessera
