// Method: plans and short runs of a small model; a budget is held, rules are obeyed, and whatever
// is computed again the losses are the same bits.
#include "cpp/train/recompute.h"

#include "absl/strings/str_cat.h"
#include "cpp/train/plan.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/train/train_kit.h"

namespace tessera {
namespace {

using testing::HasSubstr;

absl::StatusOr<std::string> Plan(const Changes& changes) {
  TestEnvironment environment;
  Changes all = {{"model.decoder.num_layers", "6"}, {"trainer.batch_size", "16"}};
  all.insert(all.end(), changes.begin(), changes.end());
  return PlanConfig(SmallConfig("unset.txt", all), environment.get(), {});
}

double BytesOf(const Changes& changes) {
  const absl::StatusOr<std::string> json = Plan(changes);
  EXPECT_TRUE(json.ok()) << json.status();
  return json.ok() ? FieldOf(*json, "total_bytes") : 0;
}

std::string Text(double bytes) { return absl::StrCat(static_cast<int64_t>(bytes)); }

TEST(RecomputeTest, ABudgetIsHeldByTheLeastThatFits) {
  const double none = BytesOf({});
  const double selective = BytesOf({{"trainer.recompute", "selective"}});
  const double full = BytesOf({{"trainer.recompute", "full"}});
  ASSERT_LT(full, selective);
  ASSERT_LT(selective, none);
  EXPECT_EQ(BytesOf({{"trainer.memory_budget", Text(none)}}), none);
  EXPECT_LE(BytesOf({{"trainer.memory_budget", Text(none - 1)}}), none - 1);
  EXPECT_EQ(BytesOf({{"trainer.memory_budget", Text(full)}}), full);
  double before = none;
  for (const double share : {0.75, 0.5, 0.25}) {
    const double budget = full + share * (none - full);
    const double bytes = BytesOf({{"trainer.memory_budget", Text(budget)}});
    EXPECT_LE(bytes, budget);
    EXPECT_LE(bytes, before);
    EXPECT_GE(bytes, full);
    before = bytes;
  }
  const auto json = Plan({{"trainer.memory_budget", Text((none + selective) / 2)}});
  ASSERT_TRUE(json.ok());
  EXPECT_THAT(*json, testing::ContainsRegex(
                         "computed_again\":\"none in [1-7], selective in [1-7] of 8 segments"));
}

TEST(RecomputeTest, ABudgetBelowAllSaysWhatIsNeeded) {
  const double full = BytesOf({{"trainer.recompute", "full"}});
  const absl::Status status = Plan({{"trainer.memory_budget", Text(full - 1)}}).status();
  EXPECT_TRUE(absl::IsResourceExhausted(status)) << status;
  EXPECT_THAT(status.message(),
              HasSubstr(absl::StrCat("trainer.memory_budget: expected at least ", Text(full),
                                     " bytes")));
}

TEST(RecomputeTest, RulesNamePathsAndOps) {
  const double none = BytesOf({});
  const auto rules = [](const std::string& text) {
    return Changes{{"trainer.recompute_rules", text}};
  };
  EXPECT_EQ(BytesOf(rules(R"([{"at": "**", "policy": "full"}])")),
            BytesOf({{"trainer.recompute", "full"}}));
  EXPECT_LT(BytesOf(rules(R"([{"at": "decoder/layers/0", "policy": "full"}])")), none);
  EXPECT_LT(BytesOf(rules(R"([{"at": "**", "ops": ["glu"]}])")), none);
  // A budget leaves alone what a rule names.
  EXPECT_TRUE(absl::IsResourceExhausted(
      Plan({{"trainer.recompute_rules", R"([{"at": "**"}])"},
            {"trainer.memory_budget", Text(none - 1)}})
          .status()));
}

TEST(RecomputeTest, WrongRulesSayWhatIsThere) {
  const auto message = [](const std::string& text) {
    const absl::Status status = Plan({{"trainer.recompute_rules", text}}).status();
    EXPECT_TRUE(absl::IsInvalidArgument(status) || absl::IsNotFound(status)) << status;
    return std::string(status.message());
  };
  EXPECT_THAT(message(R"([{"at": "**"}, {"at": "decoder/layers/0"}])"),
              HasSubstr("recompute_rules[1].at: expected to match one of 8 segments that no "
                        "earlier rule matches, got 'decoder/layers/0'"));
  EXPECT_THAT(message(R"([{"at": "decoder/layerz/0"}])"), HasSubstr("did you mean"));
  EXPECT_THAT(message(R"([{"at": "**", "ops": ["rms_norn"]}])"),
              HasSubstr("recompute_rules[0].ops: unknown op 'rms_norn' (did you mean 'rms_norm'?"));
}

TEST(RecomputeTest, LossesAreTheSameBits) {
  RunFolder folder;
  std::vector<double> expected;
  const Changes rules = {
      {"trainer.recompute_rules", R"([{"at": "**", "ops": ["glu", "matmul"]}])"}};
  const Changes budget = {{"trainer.memory_budget", Text(BytesOf({}) - 1)}};
  for (const Changes& changes : {Changes{}, rules, budget}) {
    TestEnvironment environment(2);
    Changes all = {{"model.decoder.num_layers", "6"}, {"trainer.batch_size", "16"},
                   {"trainer.micro_batches", "1"}};
    all.insert(all.end(), changes.begin(), changes.end());
    auto trainer = MakeTrainer(SmallConfig(folder.WriteText(), all), environment);
    ASSERT_NE(trainer, nullptr);
    std::vector<double> losses;
    for (int step = 0; step < 4; ++step) {
      const absl::StatusOr<StepResult> result = trainer->Step();
      ASSERT_TRUE(result.ok()) << result.status();
      losses.push_back(result->loss);
    }
    if (expected.empty()) expected = losses;
    EXPECT_EQ(losses, expected);
  }
}

}  // namespace
}  // namespace tessera
