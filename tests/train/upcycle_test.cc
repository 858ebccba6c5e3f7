// Method: a dense model is trained and saved; mixtures of experts start from it, and dense models
// from these. The loss of the first step, before anything is learned, is that of the dense model on
// the same text; parameters are held against those of the checkpoint by their formulas.
#include <cmath>

#include "gmock/gmock.h"
#include "tests/train/train_kit.h"

namespace tessera {
namespace {

using testing::HasSubstr;

constexpr char kFeedForward[] = "model.decoder.layer.feed_forward";
constexpr char kLayer[] = "decoder/layers/1/feed_forward/";

// `activation` of a feed-forward of 24, with biases.
std::string Dense(const std::string& activation, bool gated) {
  return absl::StrCat(R"({"type": "FeedForward", "hidden_dim": 24, "bias": true, "activation": ")",
                      activation, R"(", "gated": )", gated ? "true" : "false", "}");
}

std::string Mixture(const std::string& activation, bool gated, int experts, int choices,
                    int hidden) {
  return absl::StrCat(R"({"type": "MixtureOfExperts", "balance": [], "num_experts": )", experts,
                      R"(, "top_k": )", choices,
                      R"(, "expert": {"type": "FeedForward", "bias": true, "hidden_dim": )", hidden,
                      R"(, "activation": ")", activation, R"(", "gated": )",
                      gated ? "true" : "false", "}}");
}

// Trained a little and saved as `name`.
void Train(const RunFolder& folder, const std::string& name, const Changes& changes) {
  const TestEnvironment environment;
  auto trainer = MakeTrainer(SmallConfig(folder.WriteText(), changes), environment);
  ASSERT_NE(trainer, nullptr);
  ASSERT_TRUE(trainer->Run(0, {}, nullptr).ok());
  ASSERT_TRUE(trainer->Save(folder.path(name)).ok());
}

std::unique_ptr<Trainer> From(const RunFolder& folder, const std::string& name,
                              const TestEnvironment& environment, Changes changes) {
  changes.insert(changes.end(), {{"trainer.init_from", JsonQuoted(folder.path(name))},
                                 {"trainer.init_missing", "\"**/gate/weight\""}});
  return MakeTrainer(SmallConfig(folder.path("text.txt"), changes), environment);
}

double FirstLoss(Trainer& trainer) {
  const auto result = trainer.Step();
  EXPECT_TRUE(result.ok()) << result.status();
  return result.ok() ? result->loss : NAN;
}

std::vector<double> Values(Trainer& trainer, const std::string& path) {
  std::vector<double> values;
  const Tensor tensor = trainer.parameters()->Find(SlotKind::kParam, path);
  EXPECT_TRUE(tensor.defined()) << path;
  for (int64_t i = 0; tensor.defined() && i < tensor.count(); ++i) values.push_back(tensor.At(i));
  return values;
}

struct Upcycled {
  std::string name, activation;
  bool gated;
  int experts, choices, hidden;
  std::string scaling = "exact";
};

class UpcycleTest : public testing::TestWithParam<Upcycled> {};

TEST_P(UpcycleTest, TheFirstLossIsThatOfTheDenseModelAndSoItIsBack) {
  const Upcycled& form = GetParam();
  const RunFolder folder;
  const TestEnvironment environment;
  const std::string dense = Dense(form.activation, form.gated);
  Train(folder, "dense", {{kFeedForward, dense}});
  auto old = From(folder, "dense", environment, {{kFeedForward, dense}});
  ASSERT_NE(old, nullptr);
  const std::vector<double> down = Values(*old, absl::StrCat(kLayer, "down_proj/weight"));
  const double expected = FirstLoss(*old);
  const std::string scaling = absl::StrCat("\"", form.scaling, "\"");
  const std::string mixture =
      Mixture(form.activation, form.gated, form.experts, form.choices, form.hidden);
  auto sparse = From(folder, "dense", environment,
                     {{kFeedForward, mixture}, {"trainer.init_experts", scaling}});
  ASSERT_NE(sparse, nullptr);
  ASSERT_TRUE(sparse->Save(folder.path("sparse")).ok());
  EXPECT_NEAR(FirstLoss(*sparse) / expected, 1, 2e-6);
  auto merged = From(folder, "sparse", environment,
                     {{kFeedForward, dense}, {"trainer.init_experts", scaling}});
  ASSERT_NE(merged, nullptr);
  const std::vector<double> back = Values(*merged, absl::StrCat(kLayer, "down_proj/weight"));
  ASSERT_EQ(back.size(), down.size());
  for (size_t i = 0; i < down.size(); ++i) EXPECT_NEAR(back[i], down[i], 1e-6) << i;
  EXPECT_NEAR(FirstLoss(*merged) / expected, 1, 2e-6);
}

INSTANTIATE_TEST_SUITE_P(
    Forms, UpcycleTest,
    testing::Values(Upcycled{"copies", "silu", true, 4, 2, 24},
                    Upcycled{"one_expert", "gelu", false, 1, 1, 24},
                    Upcycled{"parts", "silu", true, 8, 4, 6},
                    Upcycled{"parts_of_two_copies", "gelu", false, 9, 6, 8},
                    Upcycled{"published_scaling", "relu", true, 4, 2, 12, "published"},
                    Upcycled{"published_without_gate", "relu", false, 6, 3, 8, "published"}),
    [](const auto& info) { return info.param.name; });

TEST(UpcycleFormulaTest, PartsAreThoseOfTheHiddenWidth) {
  const RunFolder folder;
  const TestEnvironment environment;
  Train(folder, "dense", {{kFeedForward, Dense("silu", true)}});
  auto dense = From(folder, "dense", environment, {{kFeedForward, Dense("silu", true)}});
  auto sparse = From(folder, "dense", environment,
                     {{kFeedForward, Mixture("silu", true, 6, 3, 8)},
                      {"trainer.init_experts", "\"published\""}});
  ASSERT_TRUE(dense != nullptr && sparse != nullptr);
  const double root = std::cbrt(3.0);
  const auto up = Values(*dense, absl::StrCat(kLayer, "up_proj/weight"));     // [16, 24]
  const auto down = Values(*dense, absl::StrCat(kLayer, "down_proj/weight"));  // [24, 16]
  const auto ups = Values(*sparse, absl::StrCat(kLayer, "experts/up_proj/weight"));
  const auto downs = Values(*sparse, absl::StrCat(kLayer, "experts/down_proj/weight"));
  const auto biases = Values(*sparse, absl::StrCat(kLayer, "experts/down_proj/bias"));
  const auto bias = Values(*dense, absl::StrCat(kLayer, "down_proj/bias"));
  const auto router = Values(*sparse, absl::StrCat(kLayer, "gate/weight"));
  for (size_t e = 0; e < 6; ++e) {
    for (size_t d = 0; d < 16; ++d) {
      EXPECT_EQ(router[d * 6 + e], router[d * 6 + e / 3 * 3]);
      EXPECT_NEAR(biases[e * 16 + d], bias[d], 1e-7);
      for (size_t h = 0; h < 8; ++h) {
        const size_t whole = e % 3 * 8 + h;
        EXPECT_NEAR(ups[(e * 16 + d) * 8 + h], root * up[d * 24 + whole], 1e-6);
        EXPECT_NEAR(downs[(e * 8 + h) * 16 + d], root * down[whole * 16 + d], 1e-6);
      }
    }
  }
  EXPECT_NE(router[0], router[3]);
}

TEST(KeepExpertsTest, ThoseThatAreNamedComeWithTheirColumns) {
  const RunFolder folder;
  const TestEnvironment environment;
  Train(folder, "many", {{kFeedForward, Mixture("silu", true, 5, 2, 8)}});
  auto many = From(folder, "many", environment, {{kFeedForward, Mixture("silu", true, 5, 2, 8)}});
  auto few = From(folder, "many", environment,
                  {{kFeedForward, Mixture("silu", true, 3, 2, 8)},
                   {"trainer.init_keep_experts", "[4, 0, 2]"}});
  ASSERT_TRUE(many != nullptr && few != nullptr);
  constexpr size_t kKept[] = {4, 0, 2};
  for (const char* name : {"experts/up_proj/weight", "experts/down_proj/bias"}) {
    const auto from = Values(*many, absl::StrCat(kLayer, name));
    const auto to = Values(*few, absl::StrCat(kLayer, name));
    const size_t each = from.size() / 5;
    ASSERT_EQ(to.size(), 3 * each) << name;
    for (size_t i = 0; i < to.size(); ++i) {
      EXPECT_EQ(to[i], from[kKept[i / each] * each + i % each]) << name << " " << i;
    }
  }
  const auto from = Values(*many, absl::StrCat(kLayer, "gate/weight"));
  const auto to = Values(*few, absl::StrCat(kLayer, "gate/weight"));
  ASSERT_EQ(to.size(), 16u * 3);
  for (size_t i = 0; i < to.size(); ++i) EXPECT_EQ(to[i], from[i / 3 * 5 + kKept[i % 3]]);
  EXPECT_TRUE(few->Step().ok());
}

TEST(KeepExpertsTest, OnesThatAreNotThereAreErrors) {
  const RunFolder folder;
  const TestEnvironment environment;
  Train(folder, "many", {{kFeedForward, Mixture("silu", true, 4, 2, 8)}});
  for (const char* keep : {"[0, 4]", "[0]", "[]"}) {
    const Changes changes = {{kFeedForward, Mixture("silu", true, 2, 2, 8)},
                             {"trainer.init_from", JsonQuoted(folder.path("many"))},
                             {"trainer.init_keep_experts", keep}};
    const auto refused = Trainer::Create(SmallConfig(folder.path("text.txt"), changes),
                                         environment.get(), {});
    ASSERT_FALSE(refused.ok()) << keep;
    EXPECT_THAT(std::string(refused.status().message()),
                HasSubstr("experts/up_proj/weight: expected f32[2,16,8], got f32[4,16,8]"));
  }
}

TEST(UpcycleFormulaTest, WidthsThatDoNotFitAreErrors) {
  const RunFolder folder;
  const TestEnvironment environment;
  Train(folder, "dense", {{kFeedForward, Dense("silu", true)}});
  const Changes changes = {{kFeedForward, Mixture("silu", true, 6, 2, 7)},
                           {"trainer.init_from", JsonQuoted(folder.path("dense"))},
                           {"trainer.init_missing", "\"**/gate/weight\""}};
  const auto refused = Trainer::Create(SmallConfig(folder.path("text.txt"), changes),
                                       environment.get(), {});
  ASSERT_FALSE(refused.ok());
  EXPECT_THAT(std::string(refused.status().message()),
              HasSubstr("experts/up_proj/weight f32[6,16,7]"));
}

}  // namespace
}  // namespace tessera
