// Method: patterns against a plain recursive matcher on random words, then groups through a
// compiled update of several parameters.
#include <random>

#include "cpp/optim/param_groups.h"
#include "tests/optim/optim_kit.h"

namespace tessera {
namespace {

// The definition, without a table: exponential, but obviously right.
bool Matches(std::string_view pattern, std::string_view path) {
  if (pattern.empty()) return path.empty();
  if (pattern.substr(0, 2) == "**") {
    return Matches(pattern.substr(2), path) || (!path.empty() && Matches(pattern, path.substr(1)));
  }
  if (pattern[0] == '*') {
    return Matches(pattern.substr(1), path) ||
           (!path.empty() && path[0] != '/' && Matches(pattern, path.substr(1)));
  }
  const bool fits =
      !path.empty() && (pattern[0] == path[0] || (pattern[0] == '?' && path[0] != '/'));
  return fits && Matches(pattern.substr(1), path.substr(1));
}

TEST(MatchesPathTest, AgreesWithItsDefinition) {
  std::mt19937_64 random(3);
  const auto word = [&](std::string_view letters, size_t longest) {
    std::string text;
    const size_t size = random() % (longest + 1);
    while (text.size() < size) text += letters[random() % letters.size()];
    return text;
  };
  int matches = 0;
  for (int i = 0; i < 20000; ++i) {
    const std::string pattern = word("ab/*?*", 7), path = word("ab/", 8);
    matches += Matches(pattern, path);
    ASSERT_EQ(MatchesPath(pattern, path), Matches(pattern, path)) << pattern << " " << path;
  }
  EXPECT_GT(matches, 500);
}

TEST(MatchesPathTest, StarsStopAtSlashes) {
  EXPECT_TRUE(MatchesPath("**/bias", "decoder/layers/3/up/bias"));
  EXPECT_FALSE(MatchesPath("*/bias", "decoder/layers/3/up/bias"));
  EXPECT_TRUE(MatchesPath("decoder/layers/*/up/bias", "decoder/layers/31/up/bias"));
  EXPECT_FALSE(MatchesPath("decoder/layers/?/up/bias", "decoder/layers/31/up/bias"));
  EXPECT_FALSE(MatchesPath("", "a"));
  EXPECT_TRUE(MatchesPath("**", ""));
  // Many stars against a long path that does not match: no explosion.
  const std::string stars(200, '*');
  EXPECT_FALSE(MatchesPath(absl::StrCat(stars, "b", stars, "c"), std::string(2000, 'a')));
}

TEST(ParamGroupsTest, TheFirstGroupThatMatchesWins) {
  const auto optimizer = OptimizerFromJson(R"({"type": "Sgd", "weight_decay": 0.5, "groups": [
      {"match": "embedding/**", "learning_rate_scale": 0.25},
      {"match": "**/scale", "weight_decay": 0.125},
      {"match": "embedding/scale", "weight_decay": 0},
      {"match": "frozen", "learning_rate_scale": 0}]})");
  ASSERT_TRUE(optimizer.ok()) << optimizer.status();
  auto run = OptimRun::Create(**optimizer, DType::kF64,
                              {{"embedding/weight", {1}, true},
                               {"embedding/scale", {1}, false},
                               {"norm/scale", {1}, false},
                               {"bias", {1}, false},
                               {"frozen", {1}, true},
                               {"matrix", {1}, true}});
  ASSERT_TRUE(run.ok()) << run.status();
  std::map<std::string, std::vector<double>> gradients;
  for (const ProgramParam& param : (*run)->program().params) {
    (*run)->Param(param.path).Put(0, 1);
    gradients[param.path] = {2};
  }
  ASSERT_TRUE((*run)->Step(gradients, 0.5, 1).ok());
  // p - lr * scale * (g + decay * p)
  const auto after = [&](const char* path) { return (*run)->Param(path).At(0); };
  EXPECT_EQ(after("embedding/weight"), 1 - 0.125 * (2 + 0.5));
  EXPECT_EQ(after("embedding/scale"), 1 - 0.125 * 2);
  EXPECT_EQ(after("norm/scale"), 1 - 0.5 * (2 + 0.125));
  EXPECT_EQ(after("bias"), 0);
  EXPECT_EQ(after("frozen"), 1);
  EXPECT_EQ(after("matrix"), 1 - 0.5 * (2 + 0.5));
}

TEST(ParamGroupsTest, GroupsOfNoParameterAreRefused) {
  std::vector<ProgramParam> params(2);
  params[0].path = "decoder/up/weight";
  params[1].path = "decoder/up/bias";
  const auto check = [&](std::vector<ParamGroup> groups) {
    return std::string(ParamGroups(0.1, std::move(groups)).CheckUsed(params).message());
  };
  EXPECT_EQ(check({}), "");
  EXPECT_EQ(check({{"**/bias", {}, 1}, {"**", {}, 1}}), "");
  EXPECT_EQ(check({{"decoder/up/bais", {}, 1}}),
            "groups[0].match: expected to match one of 2 parameters, got 'decoder/up/bais' (did "
            "you mean 'decoder/up/bias'?)");
  EXPECT_EQ(check({{"**", {}, 1}, {"**/bias", {}, 1}}),
            "groups[1].match: expected to match a parameter that no earlier group matches, got "
            "'**/bias'; put the narrower pattern first");
}

}  // namespace
}  // namespace tessera
