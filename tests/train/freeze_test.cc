// Method: runs in which groups are frozen, with adapters and without: frozen tensors keep their
// bytes, nothing is held for them, and what is trained moves as if the rest were not there; a run
// that is interrupted and resumed ends with the bytes of one that is not.
#include "cpp/compile/compiler.h"
#include "cpp/train/model.h"
#include "gmock/gmock.h"
#include "tests/train/train_kit.h"

namespace tessera {
namespace {

using testing::HasSubstr;

constexpr char kLoRA[] = R"({"type": "LoRA", "rank": 2})";
constexpr char kAdaptersOnly[] =
    R"([{"match": "**/lora_*", "learning_rate_scale": 2}, {"match": "**", "frozen": true}])";

Changes Adapted(Changes more = {}) {
  Changes changes = {{"model.decoder.layer.attention.q_proj", kLoRA},
                     {"model.decoder.layer.feed_forward.down_proj", kLoRA},
                     {"model.head.projection", kLoRA},
                     {"optimizer.groups", kAdaptersOnly}};
  changes.insert(changes.end(), more.begin(), more.end());
  return changes;
}

bool IsAdapter(const std::string& name) { return name.find("/lora_") != std::string::npos; }

TEST(FreezeTest, AdaptersAreTrainedAndTheRestKeepsItsBytes) {
  const RunFolder folder;
  const TestEnvironment environment;
  for (const char* dtype : {"fp32", "bf16"}) {
    auto trainer = MakeTrainer(
        SmallConfig(folder.WriteText(), Adapted({{"runtime.dtype", dtype}})), environment);
    ASSERT_NE(trainer, nullptr);
    const auto before = TensorBytes(*trainer);
    ASSERT_TRUE(trainer->Run(0, {}, nullptr).ok());
    const auto after = TensorBytes(*trainer);
    ASSERT_EQ(before.size(), after.size());
    int trained = 0, frozen = 0;
    const std::string optimizer = absl::StrCat(static_cast<int>(SlotKind::kOptimizer), " ");
    for (const auto& [name, bytes] : after) {
      if (IsAdapter(name)) {
        ++trained;
        EXPECT_NE(bytes, before.at(name)) << name;
      } else {
        ++frozen;
        EXPECT_EQ(bytes, before.at(name)) << name;
        EXPECT_FALSE(name.starts_with(optimizer)) << name;
      }
    }
    EXPECT_EQ(trained, 5 * 2 * 3);   // 5 adapters, 2 matrices, each with two moments
    EXPECT_EQ(frozen, 2 * 9 + 2);    // 2 layers, the embedding's table, the final norm
  }
}

TEST(FreezeTest, WhatIsFrozenHasNoGradientAndNoBackwardWork) {
  const RunFolder folder;
  const TestEnvironment environment;
  const auto config = SmallConfig(folder.WriteText()).Resolve();
  ASSERT_TRUE(config.ok()) << config.status();
  CompileOptions options;
  options.gradients = true;
  const auto calls = [](const Program& program) {
    size_t backward = 0;
    for (const Action& action : program.schedule) backward += action.kind == ActionKind::kBackward;
    return backward;
  };
  const auto all = CompileModel(*config, environment.get(), {.mode = Mode::kTrain}, options);
  // Below the last layer nothing is trained, so that the backward ends there.
  options.trainable = [](const std::string& path) {
    return path.starts_with("decoder/layers/1/") || path.starts_with("decoder/final_norm/");
  };
  const auto top = CompileModel(*config, environment.get(), {.mode = Mode::kTrain}, options);
  ASSERT_TRUE(all.ok() && top.ok()) << all.status() << top.status();
  EXPECT_LT(calls(**top), calls(**all));
  int trained = 0;
  for (const ProgramParam& param : (*top)->params) {
    EXPECT_EQ(param.gradient_slot >= 0, options.trainable(param.path)) << param.path;
    trained += param.gradient_slot >= 0;
  }
  EXPECT_EQ(trained, 10);
}

TEST(FreezeTest, AResumedRunEndsWithTheBytesOfAnUninterruptedOne) {
  const RunFolder folder;
  const TestEnvironment environment;
  const std::string text = folder.WriteText();
  auto whole = MakeTrainer(SmallConfig(text, Adapted()), environment);
  ASSERT_NE(whole, nullptr);
  ASSERT_TRUE(whole->Run(0, {}, nullptr).ok());
  auto first = MakeTrainer(SmallConfig(text, Adapted({{"trainer.save_every", "3"}})), environment,
                           {.out_dir = folder.path("out")});
  ASSERT_NE(first, nullptr);
  ASSERT_TRUE(first->Run(3, {}, nullptr).ok());
  ASSERT_TRUE(first->Save("").ok());
  first.reset();
  auto second = MakeTrainer(SmallConfig(text, Adapted({{"trainer.save_every", "3"}})), environment,
                            {.out_dir = folder.path("out"), .resume = true});
  ASSERT_NE(second, nullptr);
  ASSERT_TRUE(second->Run(0, {}, nullptr).ok());
  EXPECT_EQ(TensorBytes(*second), TensorBytes(*whole));
}

TEST(FreezeTest, GroupsThatFreezeEverythingOrNothingAreRefused) {
  const RunFolder folder;
  const TestEnvironment environment;
  const auto error = [&](const char* groups) {
    const auto trainer = Trainer::Create(
        SmallConfig(folder.WriteText(), {{"optimizer.groups", groups}}), environment.get(), {});
    return std::string(trainer.status().message());
  };
  EXPECT_THAT(error(R"([{"match": "**", "frozen": true}])"),
              HasSubstr("optimizer.groups: expected to leave a parameter that is trained"));
  EXPECT_THAT(error(R"([{"match": "**/lora_*"}, {"match": "**", "frozen": true}])"),
              HasSubstr("groups[0].match: expected to match one of"));
}

}  // namespace
}  // namespace tessera
