// What modifiers select and change: every verb, kinds of selectors, carrying over, wrapping,
// applying twice, order, conflicts, hardware.
#include "cpp/config/modifier.h"

#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/config/modifier_testing.h"

namespace tessera {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr char kLayer[] = "model.decoder.layer";

// Applies a modifier that must fit, twice; the second time changes nothing.
std::vector<ModifierReport> Modify(Config& config, const std::string& modifier,
                                   const Config* hardware = nullptr) {
  const auto reports = config.Modify(modifier, "m.json", hardware);
  EXPECT_TRUE(reports.ok()) << reports.status();
  if (!reports.ok()) return {};
  const std::string bytes = config.ToBytes();
  const auto again = config.Modify(modifier, "m.json", hardware);
  EXPECT_TRUE(again.ok()) << again.status();
  EXPECT_EQ(config.ToBytes(), bytes) << modifier;
  return *reports;
}

std::string Get(const Config& config, const std::string& path) {
  const auto value = config.Get(path);
  EXPECT_TRUE(value.ok()) << value.status();
  return value.value_or("");
}

std::string ErrorOf(const Config& config, const std::string& modifier) {
  Config copy = config;
  const std::string bytes = copy.ToBytes();
  const auto reports = copy.Modify(modifier, "m.json");
  EXPECT_FALSE(reports.ok());
  EXPECT_EQ(copy.ToBytes(), bytes) << "an error changes nothing";
  return std::string(reports.status().message());
}

TEST(ModifierTest, ReplaceFindsDefaultsAndMovesTheOldOneIntoASlotThatAdopts) {
  Config config = ParsedWithTestTypes(
      R"({"model": {"decoder": {"layer": {"feed_forward":
          {"type": "Thinker", "hidden_dim": 64, "bias": true}}}}})");
  const auto reports = Modify(
      config, R"({"replace": "Thinker", "with": "Crowd", "set": {"num_experts": 8}})");
  ASSERT_EQ(reports.size(), 1);
  EXPECT_THAT(reports[0].places, ElementsAre("model.decoder.layer.feed_forward"));
  EXPECT_THAT(reports[0].dropped, IsEmpty());
  EXPECT_EQ(Get(config, "model.decoder.layer.feed_forward.num_experts"), "8");
  EXPECT_EQ(Get(config, "model.decoder.layer.feed_forward.expert.hidden_dim"), "64");
  EXPECT_EQ(Get(config, "model.decoder.layer.feed_forward.expert.bias"), "true");
}

TEST(ModifierTest, ReplaceKeepsWhatBothTypesDeclareAndListsTheRest) {
  Config config = Parsed(kSmall);
  ASSERT_TRUE(config.Set("model.decoder.norm", R"({"type": "LayerNorm", "bias": false})").ok());
  ASSERT_TRUE(config.Set("model.decoder.norm.epsilon", "0.25").ok());
  const auto reports = Modify(config, R"({"replace": "LayerNorm", "with": "RmsNorm"})");
  EXPECT_EQ(Get(config, "model.decoder.norm.type"), "\"RmsNorm\"");
  EXPECT_EQ(Get(config, "model.decoder.norm.epsilon"), "0.25");
  ASSERT_EQ(reports.size(), 1);
  EXPECT_THAT(reports[0].dropped, ElementsAre("model.decoder.norm.bias = false"));
  // Defaults of the old type are not carried over: nobody had said them.
  Config plain = Parsed(kSmall);
  Modify(plain, R"({"replace": "RmsNorm", "with": "LayerNorm"})");
  EXPECT_THAT(plain.ToJson(), testing::Not(HasSubstr("epsilon")));
}

TEST(ModifierTest, AnyRoleIsOneLineForEveryConfig) {
  for (const char* position : {"LearnedPosition", "NoPosition", "RotaryPosition"}) {
    Config config = Parsed(kSmall);
    ASSERT_TRUE(config.Set("model.decoder.position", position).ok());
    Modify(config, R"({"replace": "any position", "with": "RotaryPosition",
                       "set": {"theta": 5000}})");
    EXPECT_EQ(Get(config, "model.decoder.position.theta"), "5000");
  }
  Config silent = Parsed(kSmall);   // says nothing about positions
  Modify(silent, R"({"replace": "<any position>", "with": "LearnedPosition"})");
  EXPECT_EQ(Get(silent, "model.decoder.position.type"), "\"LearnedPosition\"");
}

TEST(ModifierTest, ASameTypeIsNotReplacedButSet) {
  Config config = Parsed(kSmall);
  ASSERT_TRUE(
      config.Set("model.decoder.position", R"({"type": "RotaryPosition", "theta": 7})").ok());
  const std::string bytes = config.ToBytes();
  Modify(config, R"({"replace": "any position", "with": "RotaryPosition"})");
  EXPECT_EQ(config.ToBytes(), bytes);
}

TEST(ModifierTest, ABareTypeMeansItsPrimaryRole) {
  Config config = ParsedWithTestTypes(R"({"model": {"decoder": {"layer": {"feed_forward":
      {"type": "Crowd", "expert": {"type": "Thinker", "hidden_dim": 8}}}}}})");
  EXPECT_THAT(ErrorOf(config, R"({"set": {"depth": 2}, "in": "Thinker"})"),
              HasSubstr("model.decoder.layer.feed_forward: expected a Thinker in a slot for a "
                        "feed_forward, got a Crowd"));
  Modify(config, R"({"set": {"depth": 2}, "in": {"type": "Thinker", "role": "thought"}})");
  EXPECT_EQ(Get(config, "model.decoder.layer.feed_forward.expert.depth"), "2");
}

TEST(ModifierTest, KindsOfATypeAreSelectedWithIt) {
  Config config = ParsedWithTestTypes(kSmall);
  ASSERT_TRUE(config.Set(absl::StrCat(kLayer, ".attention"),
                         R"({"type": "WideAttention", "num_heads": 8})").ok());
  Modify(config, R"({"set": {"bias": true}, "in": "Attention"})");
  EXPECT_EQ(Get(config, absl::StrCat(kLayer, ".attention.bias")), "true");
}

TEST(ModifierTest, WrapKeepsTheTunedModuleAndNeverNests) {
  Config config = ParsedWithTestTypes(kSmall);
  const std::string wrap = R"({"wrap": "Attention", "with": "Sleeve", "set": {"rank": 8}})";
  Modify(config, wrap);
  const std::string attention = absl::StrCat(kLayer, ".attention");
  EXPECT_EQ(Get(config, attention + ".type"), "\"Sleeve\"");
  EXPECT_EQ(Get(config, attention + ".rank"), "8");
  EXPECT_EQ(Get(config, attention + ".inner.num_heads"), "4");
  // Another rank is set on the wrapper that is there.
  Modify(config, R"({"wrap": "Attention", "with": "Sleeve", "set": {"rank": 2}})");
  EXPECT_EQ(Get(config, attention + ".rank"), "2");
  EXPECT_EQ(Get(config, attention + ".inner.type"), "\"Attention\"");
  // Two wrappers around one module, each once.
  const std::string both = R"([{"wrap": "any attention", "with": "Sleeve"},
                               {"wrap": "any attention", "with": "Probe"}])";
  Modify(config, both);
  EXPECT_EQ(Get(config, attention + ".inner.type"), "\"Probe\"");
  EXPECT_EQ(Get(config, attention + ".inner.inner.num_heads"), "4");
}

TEST(ModifierTest, PathsSurviveAWrapper) {
  Config config = ParsedWithTestTypes(kSmall);
  Modify(config, R"({"wrap": "Attention", "with": "Sleeve"})");
  // With a type it is the module, without one the wrapper.
  Modify(config, R"({"set": {"bias": true},
                     "in": {"type": "Attention", "path": "model.decoder.layer.attention"}})");
  Modify(config, R"({"set": {"rank": 16}, "in": "model.decoder.layer.attention"})");
  EXPECT_EQ(Get(config, absl::StrCat(kLayer, ".attention.inner.bias")), "true");
  EXPECT_EQ(Get(config, absl::StrCat(kLayer, ".attention.rank")), "16");
}

TEST(ModifierTest, FieldsOfWhatIsWrappedKeepTheirPaths) {
  Config config = ParsedWithTestTypes(kSmall);
  const std::string heads = absl::StrCat(kLayer, ".attention.num_heads");
  Modify(config, R"([{"wrap": "Attention", "with": "Sleeve"},
                     {"wrap": "any attention", "with": "Probe"}])");
  EXPECT_EQ(Get(config, heads), "4");
  ASSERT_TRUE(config.Set(heads, "8").ok());
  EXPECT_EQ(Get(config, absl::StrCat(kLayer, ".attention.inner.inner.num_heads")), "8");
  Modify(config, R"({"set": {"attention": {"num_heads": 2, "rank": 3}},
                     "in": "TransformerLayer"})");
  EXPECT_EQ(Get(config, heads), "2");
  EXPECT_EQ(Get(config, absl::StrCat(kLayer, ".attention.rank")), "3");
  ASSERT_TRUE(config.Unset(heads).ok());
  EXPECT_THAT(config.ToJson(), testing::Not(HasSubstr("num_heads")));
  EXPECT_EQ(config.Set(absl::StrCat(kLayer, ".attention.num_head"), "8").code(),
            absl::StatusCode::kInvalidArgument);
}

TEST(ModifierTest, ARoleMeansTheModuleInsideItsWrappers) {
  Config config = ParsedWithTestTypes(kSmall);
  Modify(config, R"({"wrap": "Attention", "with": "Sleeve", "set": {"rank": 8}})");
  Modify(config, R"({"replace": "any attention", "with": "WideAttention"})");
  EXPECT_EQ(Get(config, absl::StrCat(kLayer, ".attention.rank")), "8");
  EXPECT_EQ(Get(config, absl::StrCat(kLayer, ".attention.inner.type")), "\"WideAttention\"");
  EXPECT_EQ(Get(config, absl::StrCat(kLayer, ".attention.inner.num_heads")), "4");
}

TEST(ModifierTest, SetAndUnset) {
  Config config = Parsed(kSmall);
  Modify(config, R"({"set": {"model.decoder.num_layers": 3, "trainer.steps": 9}})");
  EXPECT_EQ(Get(config, "model.decoder.num_layers"), "3");
  Modify(config, R"({"unset": "steps", "in": "Trainer"})");
  EXPECT_EQ(Get(config, "trainer.steps"), "1000");
  Modify(config, R"({"set": {"attention.bias": true, "norm": {"epsilon": 0.5}},
                     "in": "TransformerLayer"})");
  EXPECT_EQ(Get(config, absl::StrCat(kLayer, ".attention.bias")), "true");
  EXPECT_EQ(Get(config, absl::StrCat(kLayer, ".attention.num_heads")), "4");
  EXPECT_EQ(Get(config, absl::StrCat(kLayer, ".norm.epsilon")), "0.5");
}

TEST(ModifierTest, AnObjectWithoutATypeChangesWhatItNames) {
  Config config = Parsed(kSmall);
  Modify(config, R"({"set": {"attention": {"bias": true}}, "in": "TransformerLayer"})");
  EXPECT_EQ(Get(config, absl::StrCat(kLayer, ".attention.num_heads")), "4");
}

TEST(ModifierTest, ConditionsOnFields) {
  Config config = Parsed(kSmall);
  const std::string many = R"({"set": {"num_heads": 2},
      "in": {"type": "Attention", "where": {"num_heads": {"ge": 4, "lt": 100}}}})";
  Modify(config, many);   // the second time the condition fails, but all is done
  EXPECT_EQ(Get(config, absl::StrCat(kLayer, ".attention.num_heads")), "2");
  EXPECT_THAT(ErrorOf(config, R"({"set": {"bias": true},
      "in": {"type": "Attention", "where": {"num_heads": {"ge": 4}}}})"),
              HasSubstr("model.decoder.layer.attention.num_heads: expected a place that fulfils "
                        "every condition on `Attention`, got none: here it is 2"));
  Modify(config, R"({"set": {"bias": true},
      "in": {"type": "Attention", "where": {"num_heads": [1, 2, 3], "bias": false}}})");
  EXPECT_EQ(Get(config, absl::StrCat(kLayer, ".attention.bias")), "true");
}

constexpr char kPile[] = R"({"model": {"decoder": {"num_layers": 1, "layer": {"type": "Pile",
    "layers": [{"norm": "RmsNorm"}, {}, {}, {}]}}}})";

TEST(ModifierTest, EveryNth) {
  Config config = ParsedWithTestTypes(kPile);
  const auto reports = Modify(config, R"({"set": {"parallel_residual": true},
      "in": {"type": "TransformerLayer", "every": 2, "from": 1}})");
  ASSERT_EQ(reports.size(), 1);
  EXPECT_THAT(reports[0].places,
              ElementsAre("model.decoder.layer.layers[1]", "model.decoder.layer.layers[3]"));
  Modify(config, R"({"replace": {"type": "TransformerLayer", "every": 2},
                     "with": {"type": "Pile", "note": "even"}})");
  EXPECT_EQ(Get(config, "model.decoder.layer.layers[2].note"), "\"even\"");
  EXPECT_EQ(Get(config, "model.decoder.layer.layers[3].parallel_residual"), "true");
}

TEST(ModifierTest, PathPatterns) {
  Config config = ParsedWithTestTypes(kPile);
  Modify(config, R"({"set": {"epsilon": 0.5}, "in": "model.decoder.**.norm"})");
  EXPECT_EQ(Get(config, "model.decoder.layer.layers[3].norm.epsilon"), "0.5");
  EXPECT_EQ(Get(config, "model.decoder.norm.epsilon"), "0.5");
  Modify(config, R"({"set": {"epsilon": 0.25}, "in": "**.layers[1].norm"})");
  EXPECT_EQ(Get(config, "model.decoder.layer.layers[1].norm.epsilon"), "0.25");
  EXPECT_EQ(Get(config, "model.decoder.layer.layers[0].norm.epsilon"), "0.5");
  Modify(config, R"({"replace": {"role": "norm", "path": "model.decoder.layer.**"},
                     "with": "LayerNorm"})");
  Modify(config, R"({"set": {"epsilon": 0.125}, "in": "**.layers[*].norm"})");
  EXPECT_EQ(Get(config, "model.decoder.layer.layers[2].norm.epsilon"), "0.125");
}

TEST(ModifierTest, InsertAndRemove) {
  Config config = ParsedWithTestTypes(kPile);
  Modify(config, R"({"insert": "Dropout", "to": "dropout", "in": "Decoder",
                     "set": {"rate": 0.25}})");
  EXPECT_EQ(Get(config, "model.decoder.dropout.rate"), "0.25");
  Modify(config, R"({"remove": "Dropout"})");
  EXPECT_EQ(Get(config, "model.decoder.dropout"), "null");
  Modify(config, R"({"remove": "model.decoder.norm"})");   // by default there is one
  EXPECT_EQ(Get(config, "model.decoder.norm"), "null");
  Modify(config, R"({"insert": {"type": "TransformerLayer", "parallel_residual": true},
                     "to": "layers", "in": "Pile", "at": 1})");
  EXPECT_EQ(Get(config, "model.decoder.layer.layers[1].parallel_residual"), "true");
  EXPECT_EQ(Get(config, "model.decoder.layer.layers[4].parallel_residual"), "false");
  Modify(config, R"({"insert": {"match": "**/bias", "weight_decay": 0}, "to": "groups",
                     "in": "any optimizer"})");
  EXPECT_EQ(Get(config, "optimizer.groups[0].match"), "\"**/bias\"");
  Modify(config, R"({"remove": {"type": "TransformerLayer",
                                "where": {"parallel_residual": true}}})");
  EXPECT_EQ(Get(config, "model.decoder.layer.layers[1].parallel_residual"), "false");
}

TEST(ModifierTest, AChainSelectsBeforeItEditsAndItsOrderIsNothing) {
  const std::string a = R"({"replace": "RmsNorm", "with": "LayerNorm"})";
  const std::string b = R"({"set": {"bias": true}, "in": "Attention"})";
  const std::string c = R"({"wrap": "Attention", "with": "Sleeve"})";
  std::string first;
  for (const std::string& order : {a + "," + b + "," + c, c + "," + b + "," + a,
                                   b + "," + c + "," + a}) {
    Config config = ParsedWithTestTypes(kSmall);
    Modify(config, R"({"chain": [)" + order + "]}");
    if (first.empty()) first = config.ToBytes();
    EXPECT_EQ(config.ToBytes(), first) << order;
    EXPECT_EQ(Get(config, absl::StrCat(kLayer, ".attention.inner.bias")), "true");
  }
  // A list is applied one after another.
  Config config = ParsedWithTestTypes(kSmall);
  Modify(config, R"([{"replace": "RmsNorm", "with": "LayerNorm"},
                     {"set": {"bias": false}, "in": "LayerNorm"}])");
  EXPECT_EQ(Get(config, "model.decoder.norm.bias"), "false");
}

// Any parts in any order: all orders give the same bytes, or all are refused.
TEST(ModifierTest, OrdersOfRandomChainsAgree) {
  const std::vector<std::string> pool = {
      R"({"replace": "RmsNorm", "with": "LayerNorm"})",
      R"({"replace": "model.decoder.norm", "with": "LayerNorm"})",
      R"({"set": {"epsilon": 0.5}, "in": "model.decoder.layer.norm"})",
      R"({"set": {"bias": true}, "in": "Attention"})",
      R"({"set": {"bias": false}, "in": {"role": "attention", "where": {"num_heads": 4}}})",
      R"({"wrap": "Attention", "with": "Sleeve"})",
      R"({"wrap": "any attention", "with": "Sleeve", "set": {"rank": 2}})",
      R"({"wrap": "any attention", "with": "Probe"})",
      R"({"replace": "any attention", "with": "WideAttention"})",
      R"({"insert": "Dropout", "to": "dropout", "in": "TransformerLayer"})",
      R"({"insert": {"type": "Dropout", "rate": 0.5}, "to": "dropout", "in": "Decoder"})",
      R"({"set": {"dropout": {"rate": 0.25}}, "in": "Decoder"})",
      R"({"remove": "model.decoder.norm"})",
      R"({"set": {"attention": {"num_heads": 2}}, "in": "TransformerLayer"})",
      R"({"unset": "num_heads", "in": "Attention"})",
      R"({"replace": "any position", "with": "LearnedPosition"})",
      R"({"insert": {"match": "**"}, "to": "groups", "in": "any optimizer"})",
      R"({"insert": {"match": "*"}, "to": "groups", "in": "any optimizer"})",
  };
  uint64_t state = 1;
  int agreed = 0, refused = 0;
  for (int round = 0; round < 150; ++round) {
    std::vector<size_t> chosen;
    while (chosen.size() < 3) {
      state = state * 6364136223846793005u + 1442695040888963407u;
      const size_t pick = (state >> 33) % pool.size();
      if (std::find(chosen.begin(), chosen.end(), pick) == chosen.end()) chosen.push_back(pick);
    }
    std::sort(chosen.begin(), chosen.end());
    std::set<std::string> outcomes;
    std::string chain;
    do {
      chain = "{\"chain\": [" + pool[chosen[0]] + ", " + pool[chosen[1]] + ", " +
              pool[chosen[2]] + "]}";
      Config config = ParsedWithTestTypes(kSmall);
      outcomes.insert(config.Modify(chain, "m.json").ok() ? config.ToBytes() : "refused");
    } while (std::next_permutation(chosen.begin(), chosen.end()));
    EXPECT_EQ(outcomes.size(), 1) << chain;
    ++(*outcomes.begin() == "refused" ? refused : agreed);
  }
  EXPECT_GT(agreed, 30);
  EXPECT_GT(refused, 30);
}

TEST(ModifierTest, PartsThatWantDifferentThingsAreNamedBoth) {
  const Config config = ParsedWithTestTypes(kSmall);
  EXPECT_EQ(ErrorOf(config, "{\"chain\": [\n {\"set\": {\"bias\": true}, \"in\": \"Attention\"},\n"
                            " {\"set\": {\"bias\": false}, \"in\": \"any attention\"}]}"),
            "m.json:3:19: modifier 1, part 2 (set any attention): "
            "model.decoder.layer.attention.bias: expected one part of a chain to change this "
            "place, got two: here it is set, and at m.json:2:19, modifier 1, part 1 (set "
            "Attention), it is set; a list of modifiers is applied one after another");
  EXPECT_THAT(ErrorOf(config, R"({"chain": [{"replace": "RmsNorm", "with": "LayerNorm"},
                                            {"set": {"epsilon": 0.5}, "in": "any norm"}]})"),
              HasSubstr("it is replaced by LayerNorm"));
  EXPECT_THAT(ErrorOf(config, R"({"chain": [{"wrap": "Attention", "with": "Sleeve"},
                                            {"wrap": "Attention", "with": "Probe"}]})"),
              HasSubstr("it is wrapped in"));
  // Equal wishes are one.
  Config same = config;
  Modify(same, R"({"chain": [{"set": {"bias": true}, "in": "Attention"},
                             {"set": {"bias": true}, "in": "any attention"}]})");
}

TEST(ModifierTest, WhatChangesEachTimeIsRefused) {
  const Config config = ParsedWithTestTypes(kSmall);
  EXPECT_THAT(ErrorOf(config, R"({"chain": [
                  {"replace": "RmsNorm", "with": "LayerNorm", "optional": true},
                  {"replace": "LayerNorm", "with": "RmsNorm", "optional": true}]})"),
              HasSubstr("expected a modifier that gives the same config when it is applied again"));
}

TEST(ModifierTest, OriginsNameFileLineAndModifier) {
  Config config = Parsed(kSmall);
  Modify(config, "[{\"set\": {\"trainer.steps\": 3}},\n"
                 " {\"replace\": \"RmsNorm\", \"with\": \"LayerNorm\","
                 " \"set\": {\"bias\": false}}]");
  const Config resolved = Resolved(config);
  const ConfigNode& norm = *resolved.Section("model")->Child("decoder")->Child("norm");
  EXPECT_EQ(norm.FindField("bias")->origin.ToText(), "m.json:2:62 (modifier 2)");
  EXPECT_EQ(resolved.Section("trainer")->FindField("steps")->origin.ToText(),
            "m.json:1:28 (modifier 1)");
}

TEST(ModifierTest, OptionalOnesNeedNotMatch) {
  Config config = Parsed(kSmall);
  const auto reports = Modify(config, R"({"remove": {"type": "Dropout"}, "optional": true})");
  ASSERT_EQ(reports.size(), 1);
  EXPECT_TRUE(reports[0].is_skipped);
  EXPECT_THAT(ReportJson(reports), HasSubstr("\"skipped\": true"));
}

TEST(ModifierTest, WhenAsksTheHardware) {
  const auto hardware = Config::FromJson(
      SchemaRegistry::Builtin(),
      R"({"type": "Hardware", "device": "cuda", "memory_gib": 80, "ranks": 8, "mesh": "h100-8"})");
  ASSERT_TRUE(hardware.ok()) << hardware.status();
  const Config machine = Resolved(*hardware);
  const std::string rule = R"({"when": {"device": "cuda", "memory_gib": {"ge": 40},
      "mesh": ["h100-8", "h200-8"]}, "then": {"set": {"trainer.batch_size": 64}},
      "else": [{"set": {"trainer.batch_size": 1}}]})";
  Config config = Parsed(kSmall);
  Modify(config, rule, &machine);
  EXPECT_EQ(Get(config, "trainer.batch_size"), "64");
  const Config small = Resolved(*Config::OfType(SchemaRegistry::Builtin(), "Hardware"));
  Modify(config, rule, &small);
  EXPECT_EQ(Get(config, "trainer.batch_size"), "1");
  EXPECT_THAT(ErrorOf(config, rule), HasSubstr("expected a hardware description, got none"));
}

}  // namespace
}  // namespace tessera
