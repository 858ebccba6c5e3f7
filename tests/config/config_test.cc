// Reading, setting, resolving and printing configs, and what modules read from them.
#include "cpp/config/config.h"

#include <string>
#include <vector>

#include "cpp/config/errors.h"
#include "gen/config/adam_w.h"
#include "gen/config/attention.h"
#include "gen/config/data.h"
#include "gen/config/feed_forward.h"
#include "gen/config/learned_position.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/config/config_testing.h"

namespace tessera {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

const ConfigNode& Layer(const Config& config) {
  return *config.Section("model")->Child("decoder")->Child("layer");
}

TEST(ConfigTest, ResolveFillsDefaultsAndDictatedDims) {
  const Config config = Resolved(Parsed(kSmall));
  const auto attention = ReadAttentionConfig(*Layer(config).Child("attention"));
  ASSERT_TRUE(attention.ok()) << attention.status();
  EXPECT_EQ(attention->model_dim, 128);   // from the model
  EXPECT_EQ(attention->num_heads, 4);
  EXPECT_TRUE(attention->causal);
  const auto feed_forward = ReadFeedForwardConfig(*Layer(config).Child("feed_forward"));
  ASSERT_TRUE(feed_forward.ok());
  EXPECT_EQ(feed_forward->hidden_dim, 512);
  EXPECT_EQ(feed_forward->activation, Activation::kSilu);
  EXPECT_EQ(Layer(config).Child("norm")->type(), "RmsNorm");
  EXPECT_EQ(Layer(config).Child("dropout"), nullptr);
  EXPECT_EQ(config.Section("optimizer")->type(), "AdamW");
}

TEST(ConfigTest, ReadersRefuseWhatIsNotResolvedOrOfAnotherType) {
  const Config config = Parsed(kSmall);
  EXPECT_EQ(ReadAttentionConfig(*Layer(config).Child("attention")).status().code(),
            absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(ReadAttentionConfig(config.root()).status().message()),
              HasSubstr("expected a resolved Attention, got a Experiment"));
}

TEST(ConfigTest, EnumNamesAreThoseOfConfigs) {
  EXPECT_EQ(Name(Activation::kGeluTanh), "gelu_tanh");
  Config config = Parsed(kSmall);
  ASSERT_TRUE(config.Set("model.decoder.layer.feed_forward.activation", "gelu_tanh").ok());
  const Config resolved = Resolved(config);
  EXPECT_EQ(ReadFeedForwardConfig(*Layer(resolved).Child("feed_forward"))->activation,
            Activation::kGeluTanh);
}

TEST(ConfigTest, OriginsNameFileLineAndColumnCallAndDefault) {
  Config config = Parsed(kSmall);
  ASSERT_TRUE(config.Set("trainer.steps", "7").ok());
  ASSERT_TRUE(config.Set("trainer.batch_size", "2", "config.set").ok());
  const Config resolved = Resolved(config);
  const ConfigNode& model = *resolved.Section("model");
  EXPECT_EQ(model.FindField("model_dim")->origin.ToText(), "small.json:4:18");
  EXPECT_EQ(model.FindField("model_dim")->state, FieldState::kSet);
  const ConfigNode& trainer = *resolved.Section("trainer");
  EXPECT_EQ(trainer.FindField("steps")->origin.ToText(), "--set trainer.steps=7");
  EXPECT_EQ(trainer.FindField("batch_size")->origin.ToText(), "config.set");
  EXPECT_EQ(trainer.FindField("clip_norm")->origin.ToText(), "default");
  EXPECT_EQ(trainer.FindField("clip_norm")->state, FieldState::kDefault);
  EXPECT_EQ(model.Child("embedding")->FindField("model_dim")->origin.ToText(),
            "from model.model_dim");
}

TEST(ConfigTest, AnUnresolvedFieldIsUnset) {
  const Config config = Parsed(kSmall);
  EXPECT_EQ(config.Section("model")->FindSlot("head")->state, FieldState::kUnset);
  EXPECT_EQ(Layer(config).Child("attention")->FindField("bias")->state, FieldState::kUnset);
  EXPECT_EQ(Layer(config).Child("attention")->Value("bias"), nullptr);
}

TEST(ConfigTest, CommentsTrailingCommasAndAByteOrderMarkAreFine) {
  const Config config = Parsed("\xEF\xBB\xBF// a run\n{\"trainer\": {/* few */ \"steps\": 3,},}\n");
  EXPECT_EQ(*config.Get("trainer.steps"), "3");
  EXPECT_EQ(config.Section("trainer")->FindField("steps")->origin.ToText(), "small.json:2:33");
}

TEST(ConfigTest, ColumnsCountCharacters) {
  const Config config = Parsed("{\"data\": {\"train\": \"\xC3\xA4\xC3\xB6\", \"seed\": 3}}");
  EXPECT_EQ(config.Section("data")->FindField("seed")->origin.column, 34);
}

TEST(ConfigTest, AStringInASlotIsAType) {
  const Config config = Parsed(R"({"optimizer": "Sgd", "model": {"decoder": {"norm": null}}})");
  EXPECT_EQ(config.Section("optimizer")->type(), "Sgd");
  EXPECT_EQ(config.Section("model")->Child("decoder")->FindSlot("norm")->state, FieldState::kSet);
}

TEST(ConfigTest, OldNamesAndAliasesAreUnderstood) {
  const Config config = Parsed(
      R"({"optimizer": {"type": "SGD", "lr": 0.5},
          "model": {"decoder": {"layer": {"feed_forward": {"type": "Mlp"}}}}})");
  EXPECT_EQ(*config.Get("optimizer.learning_rate"), "0.5");
  EXPECT_EQ(Layer(config).Child("feed_forward")->type(), "FeedForward");
}

TEST(ConfigTest, IntegersMayHaveAnExponent) {
  EXPECT_EQ(*Parsed(R"({"trainer": {"steps": 1e6}})").Get("trainer.steps"), "1000000");
}

TEST(ConfigTest, EmptiedSlotsStayEmpty) {
  Config config = Parsed(kSmall);
  ASSERT_TRUE(config.Set("model.decoder.norm", "null").ok());
  const Config resolved = Resolved(config);
  EXPECT_EQ(resolved.Section("model")->Child("decoder")->Child("norm"), nullptr);
}

TEST(ConfigTest, PositionsFollowTheSequenceLength) {
  Config config = Parsed(kSmall);
  ASSERT_TRUE(config.Set("model.decoder.position", "LearnedPosition").ok());
  ASSERT_TRUE(config.Set("trainer.sequence_length", "96").ok());
  const Config resolved = Resolved(config);
  const auto position =
      ReadLearnedPositionConfig(*resolved.Section("model")->Child("decoder")->Child("position"));
  ASSERT_TRUE(position.ok()) << position.status();
  EXPECT_EQ(position->max_positions, 96);
  ASSERT_TRUE(config.Set("model.decoder.position.max_positions", "64").ok());
  EXPECT_EQ(config.Resolve().status().message(),
            "--set model.decoder.position.max_positions=64: model.decoder.position.max_positions: "
            "expected at least trainer.sequence_length = 96, got 64");
}

TEST(ConfigTest, SetReachesListsAndTables) {
  Config config = Parsed(kSmall);
  ASSERT_TRUE(config.Set("optimizer.groups[0].match", "**/bias").ok());
  ASSERT_TRUE(config.Set("optimizer.groups[0].weight_decay", "0").ok());
  ASSERT_TRUE(
      config.Set("optimizer.groups[1]", R"({"match": "**", "learning_rate_scale": 2})").ok());
  ASSERT_TRUE(config.Set("data.train", R"(["a.txt", "b.txt"])").ok());
  ASSERT_TRUE(config.Set("data.train[2]", "c d.txt").ok());
  EXPECT_EQ(*config.Get("optimizer.groups[0].weight_decay"), "0");
  const Config resolved = Resolved(config);
  const auto optimizer = ReadAdamWConfig(*resolved.Section("optimizer"));
  ASSERT_TRUE(optimizer.ok()) << optimizer.status();
  ASSERT_EQ(optimizer->groups.size(), 2);
  EXPECT_EQ(optimizer->groups[0].match, "**/bias");
  EXPECT_EQ(optimizer->groups[0].weight_decay, 0.0);
  EXPECT_EQ(optimizer->groups[1].weight_decay, std::nullopt);
  EXPECT_EQ(optimizer->groups[1].learning_rate_scale, 2.0);
  EXPECT_THAT(ReadDataConfig(*resolved.Section("data"))->train,
              ElementsAre("a.txt", "b.txt", "c d.txt"));
}

TEST(ConfigTest, AFailedSetChangesNothing) {
  Config config = Parsed(kSmall);
  const std::string before = config.ToJson();
  EXPECT_FALSE(config.Set("model.decoder.layer.dropout.rate", "2").ok());
  EXPECT_FALSE(config.Set("optimizer.groups[1].match", "x").ok());
  EXPECT_EQ(config.ToJson(), before);
}

TEST(ConfigTest, UnsetGoesBackToTheDefault) {
  Config config = Parsed(kSmall);
  const std::string before = config.ToJson();
  ASSERT_TRUE(config.Set("model.decoder.layer.attention.bias", "true").ok());
  ASSERT_TRUE(config.Unset("model.decoder.layer.attention.bias").ok());
  EXPECT_EQ(config.ToJson(), before);
  ASSERT_TRUE(config.Set("model.decoder.layer.attention.bias", "true").ok());
  ASSERT_TRUE(config.Set("model.decoder.layer.attention.bias", "null").ok());
  EXPECT_EQ(config.ToJson(), before);
}

TEST(ConfigTest, GetShowsDefaultsAndNamesTheNearest) {
  const Config config = Parsed("{}");
  EXPECT_EQ(*config.Get("trainer.steps"), "1000");
  EXPECT_EQ(*config.Get("runtime.device"), "\"cpu\"");
  EXPECT_EQ(*config.Get("model.decoder.layer.attention.causal"), "true");
  EXPECT_EQ(*config.Get("model.vocab_size"), "null");
  EXPECT_EQ(*config.Get("model.decoder.position.type"), "\"RotaryPosition\"");
  EXPECT_THAT(std::string(config.Get("trainer.step").status().message()),
              HasSubstr("(did you mean 'steps'?)"));
  EXPECT_EQ(config.Get("trainer..steps").status().code(), absl::StatusCode::kInvalidArgument);
}

TEST(ConfigTest, FixedNamesOfScripts) {
  Config config = Parsed(kSmall);
  for (const auto& [path, value] : std::vector<std::pair<std::string, std::string>>{
           {"data.train", "folder"}, {"runtime.threads", "1"}, {"runtime.seed", "3"},
           {"runtime.device", "cpu"}, {"trainer.steps", "10"},
           {"model.decoder.layer.attention.num_heads", "8"}, {"model.model_dim", "64"},
           {"model.decoder.layer.feed_forward.hidden_dim", "256"}}) {
    EXPECT_TRUE(config.Set(path, value).ok()) << path;
  }
  EXPECT_TRUE(config.Resolve().ok());
}

TEST(ConfigTest, AnnotatedJsonReadsBackAsTheSameConfig) {
  const Config resolved = Resolved(Parsed(kSmall));
  const std::string text = resolved.ToAnnotatedJson();
  EXPECT_THAT(text, HasSubstr("\"num_heads\": 4,               // small.json:8:36"));
  const Config again = Resolved(Parsed(text));
  EXPECT_EQ(again.root().Fingerprint(), resolved.root().Fingerprint());
}

TEST(ConfigTest, ResolvedJsonHasValuesAndOrigins) {
  const std::string text = Resolved(Parsed(kSmall)).ToResolvedJson();
  EXPECT_THAT(text, HasSubstr("\"model.model_dim\": \"small.json:4:18\""));
  EXPECT_THAT(text, HasSubstr("\"trainer.steps\": \"default\""));
  EXPECT_THAT(text, HasSubstr("{\"config\": {\"type\": \"Experiment\", \"model\": {"));
}

TEST(ConfigTest, DiffNamesPathsAndBothValues) {
  Config other = Parsed(kSmall);
  ASSERT_TRUE(other.Set("model.decoder.position", "LearnedPosition").ok());
  ASSERT_TRUE(other.Set("trainer.steps", "5").ok());
  ASSERT_TRUE(other.Set("trainer.sequence_length", "64").ok());
  const std::vector<std::string> lines =
      Config::Diff(Resolved(Parsed(kSmall)), Resolved(other));
  EXPECT_THAT(lines, ::testing::Contains("trainer.steps: 1000 -> 5"));
  EXPECT_THAT(lines, ::testing::Contains(
                         "model.decoder.position: \"RotaryPosition\" -> \"LearnedPosition\""));
  EXPECT_THAT(lines, ::testing::Contains("model.decoder.position.theta: 10000 -> -"));
  EXPECT_THAT(Config::Diff(other, other), IsEmpty());
}

TEST(ConfigTest, FingerprintsDependOnValuesAlone) {
  const Config defaults = Resolved(Parsed(kSmall));
  Config set = Parsed(kSmall);
  ASSERT_TRUE(set.Set("model.decoder.layer.attention.causal", "true").ok());   // the default
  EXPECT_EQ(Resolved(set).root().Fingerprint(), defaults.root().Fingerprint());
  ASSERT_TRUE(set.Set("model.decoder.layer.attention.causal", "false").ok());
  EXPECT_NE(Layer(Resolved(set)).Fingerprint(), Layer(defaults).Fingerprint());
  EXPECT_EQ(Layer(Resolved(set)).Child("norm")->Fingerprint(),
            Layer(defaults).Child("norm")->Fingerprint());
}

TEST(ConfigTest, AModelAloneIsAConfig) {
  const Config config =
      Resolved(Parsed(R"({"type": "FeedForward", "model_dim": 8, "hidden_dim": 32})"));
  EXPECT_EQ(ReadFeedForwardConfig(config.root())->hidden_dim, 32);
}

TEST(ConfigTest, SamplesResolve) {
  for (const char* name : {"text/gpt.json", "text/shakespeare.json", "bench/dense.json"}) {
    const auto config = Config::Load(SchemaRegistry::Builtin(),
                                     std::string(TESSERA_SOURCE_DIR "/samples/") + name);
    ASSERT_TRUE(config.ok()) << config.status();
    EXPECT_TRUE(config->Resolve().ok()) << config->Resolve().status();
  }
}

TEST(ConfigTest, AMissingFileIsNotFound) {
  EXPECT_EQ(Config::Load(SchemaRegistry::Builtin(), "no/such.json").status().code(),
            absl::StatusCode::kNotFound);
}

TEST(ConfigTest, ErrorsComeAsJsonToo) {
  const auto config = Config::FromJson(SchemaRegistry::Builtin(),
                                       R"({"trainer": {"step": 1, "batch_size": 0}})", "a.json");
  const std::string json = ConfigErrorsJson(config.status());
  EXPECT_THAT(json, HasSubstr(R"("line": 1, "column": 14, "path": "trainer.step")"));
  EXPECT_THAT(json, HasSubstr(R"("nearest": "steps")"));
  EXPECT_THAT(json, HasSubstr(R"("doc": "Sequences in a step)"));
  EXPECT_EQ(ConfigErrorsJson(absl::InternalError("x")), "");
}

TEST(ConfigTest, ErrorsAreCappedAndCounted) {
  std::string text = "{\"trainer\": {";
  for (int i = 0; i < 60; ++i) text += "\"x" + std::to_string(i) + "\": 1,";
  text += "}, \"model\": {\"vocab_size\": 1, \"model_dim\": 1}}";
  ConfigErrors errors;
  for (int i = 0; i < 53; ++i) errors.Add({"f", i, 1, "p", "a", "b", "", "", ""});
  EXPECT_EQ(errors.errors().size(), ConfigErrors::kMost);
  EXPECT_THAT(std::string(errors.ToStatus().message()), HasSubstr("and 3 more errors"));
  const absl::Status status =
      Config::FromJson(SchemaRegistry::Builtin(), text, "a.json").status();
  EXPECT_EQ(std::count(status.message().begin(), status.message().end(), '\n') + 1 >= 50, true);
}

}  // namespace
}  // namespace tessera
