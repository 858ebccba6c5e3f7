// Method: a small model is trained and saved; new runs start with its parameters, as they are and
// with adapters. Values against those of the checkpoint, losses against the loss that it ended at.
#include "gmock/gmock.h"
#include "tests/train/train_kit.h"

namespace tessera {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

// Trains, saves and returns the bytes of what was saved.
std::map<std::string, std::string> Trained(const RunFolder& folder,
                                           const TestEnvironment& environment) {
  auto trainer = MakeTrainer(SmallConfig(folder.WriteText()), environment);
  if (trainer == nullptr) return {};
  EXPECT_TRUE(trainer->Run(0, {}, nullptr).ok());
  const absl::Status saved = trainer->Save(folder.path("base"));
  EXPECT_TRUE(saved.ok()) << saved;
  return TensorBytes(*trainer);
}

Config FromBase(const RunFolder& folder, Changes more = {}) {
  Changes changes = {{"trainer.init_from", JsonQuoted(folder.path("base"))}};
  changes.insert(changes.end(), more.begin(), more.end());
  return SmallConfig(folder.path("text.txt"), changes);
}

std::string Lora() {
  return ReadText(std::string(TESSERA_SOURCE_DIR) + "/samples/recipes/lora.json");
}

const std::string kParam = absl::StrCat(static_cast<int>(SlotKind::kParam), " ");

TEST(FineTuneTest, ARunStartsWithTheParametersAndAFreshOptimizer) {
  const RunFolder folder;
  const TestEnvironment environment;
  const auto base = Trained(folder, environment);
  auto trainer = MakeTrainer(FromBase(folder), environment);
  ASSERT_NE(trainer, nullptr);
  EXPECT_EQ(trainer->step(), 0);
  for (const auto& [name, bytes] : TensorBytes(*trainer)) {
    if (name.starts_with(kParam)) {
      EXPECT_EQ(bytes, base.at(name)) << name;
    } else {
      EXPECT_EQ(bytes, std::string(bytes.size(), 0)) << name;
    }
  }
}

TEST(FineTuneTest, AdaptersLearnAndTheBaseKeepsItsBytes) {
  const RunFolder folder;
  const TestEnvironment environment;
  const auto base = Trained(folder, environment);
  Config config = FromBase(folder, {{"trainer.steps", "30"}});
  const auto modified = config.Modify(Lora(), "lora.json");
  ASSERT_TRUE(modified.ok()) << modified.status();
  auto trainer = MakeTrainer(config, environment);
  ASSERT_NE(trainer, nullptr);
  std::vector<double> losses;
  const absl::Status status =
      trainer->Run(0, {}, [&](const StepResult& result) { losses.push_back(result.loss); });
  ASSERT_TRUE(status.ok()) << status;
  ASSERT_EQ(losses.size(), 30u);
  EXPECT_LT(losses.back(), losses.front());
  const auto tuned = TensorBytes(*trainer);
  for (const auto& [name, bytes] : base) {
    if (!name.starts_with(kParam)) continue;
    EXPECT_EQ(tuned.at(name), bytes) << name;
  }
  size_t adapters = 0;
  for (const auto& [name, bytes] : tuned) {
    if (name.starts_with(kParam)) adapters += name.find("/lora_") != std::string::npos;
  }
  EXPECT_EQ(adapters, 2u * 4 * 2) << "2 layers, 4 projections, 2 matrices";
}

TEST(FineTuneTest, TheTokenizerComesWithTheCheckpoint) {
  const RunFolder folder;
  const TestEnvironment environment;
  Trained(folder, environment);
  auto trainer = MakeTrainer(FromBase(folder, {{"data.tokenizer", "ByteTokenizer"}}), environment);
  ASSERT_NE(trainer, nullptr) << "256 ids would not fit into this model";
  const auto described = trainer->DescribeJson();
  ASSERT_TRUE(described.ok()) << described.status();
  EXPECT_THAT(*described, HasSubstr("CharTokenizer"));
}

std::string Refusal(const Config& config, const TestEnvironment& environment) {
  const auto trainer = Trainer::Create(config, environment.get(), {});
  EXPECT_FALSE(trainer.ok());
  return std::string(trainer.status().message());
}

TEST(FineTuneTest, AllThatDoesNotFitIsOneError) {
  const RunFolder folder;
  const TestEnvironment environment;
  Trained(folder, environment);
  Config config = FromBase(folder, {{"model.decoder.num_layers", "1"},
                                    {"model.decoder.layer.feed_forward.hidden_dim", "20"}});
  ASSERT_TRUE(config.Modify(Lora(), "lora.json").ok());
  ASSERT_TRUE(config.Set("trainer.init_missing", "\"\"").ok());
  const std::string error = Refusal(config, environment);
  EXPECT_THAT(error, AllOf(HasSubstr("trainer.init_from: "), HasSubstr(folder.path("base")),
                           HasSubstr("missing"), HasSubstr("q_proj/lora_a"),
                           HasSubstr("of another shape"), HasSubstr("down_proj/weight: expected"),
                           HasSubstr("not of this model"), HasSubstr("decoder/layers/1/")));
  ASSERT_TRUE(config.Set("trainer.init_missing", "\"**/lora_*\"").ok());
  EXPECT_THAT(Refusal(config, environment), Not(HasSubstr("missing;")));
}

TEST(FineTuneTest, AFolderThatIsNoCheckpointIsRefused) {
  const RunFolder folder;
  const TestEnvironment environment;
  const std::string text = folder.WriteText();
  EXPECT_THAT(Refusal(SmallConfig(text, {{"trainer.init_from", "\"nowhere\""}}), environment),
              AllOf(HasSubstr("trainer.init_from: "), HasSubstr("nowhere")));
}

}  // namespace
}  // namespace tessera
