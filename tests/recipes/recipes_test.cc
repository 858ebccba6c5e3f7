// The recipes in samples/recipes: they resolve and trace to the published numbers of parameters,
// and one line changes all of them and a thousand experiments made from them.
//
// Nothing is allocated: parameters are counted on the traced functions. Golden files hold the
// resolved recipes in two parts: golden/<recipe>.json is what all its files together say, and
// golden/defaults.txt has every default of every type once, so that a changed default is a diff of
// one line. A new type or field need not be there. TESSERA_UPDATE_GOLDEN=1 writes them.
#include <cstdlib>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "cpp/base/file.h"
#include "cpp/base/status_macros.h"
#include "cpp/config/config.h"
#include "cpp/nn/tracer.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/processor_time.h"

namespace tessera {
namespace {

using testing::HasSubstr;

constexpr char kFolder[] = TESSERA_SOURCE_DIR "/samples/recipes/";
constexpr char kGolden[] = TESSERA_SOURCE_DIR "/tests/recipes/golden/";

// What stands in the head of each file, from the model's own config.json.
const std::map<std::string, int64_t> kPublished = {
    {"bert-base", 109514298},           {"gpt-oss-20b", 20914757184},
    {"switch-base-8", 619339008},       {"t5-small", 60506624},
    {"vit-b-16", 86567656},
    {"deepseek-v3-671b", 671026419200}, {"gemma-2-9b", 9241705984},
    {"gpt2-1.5b", 1557611200},          {"gpt2-124m", 124439808},
    {"llama-2-7b", 6738415616},         {"llama-3.1-405b", 405853388800},
    {"llama-3.1-70b", 70553706496},     {"llama-3.1-8b", 8030261248},
    {"mistral-7b", 7241732096},         {"mixtral-8x22b", 140620634112},
    {"mixtral-8x7b", 46702792704},      {"olmoe-1b-7b", 6919161856},
    {"qwen3-0.6b", 596049920},          {"qwen3-235b-a22b", 235093634560},
    {"qwen3-30b-a3b", 30532122624},     {"qwen3-8b", 8190735360},
    {"smollm2-135m", 134515008},
};
// Sizes of published models whose parts differ, so that no count can be met.
const std::set<std::string> kUnpublished = {"transformer-xl-64x2"};
// Files that are modifiers and no recipes.
const std::set<std::string> kModifiers = {"fit", "lora", "moe", "rope", "tiny"};

std::vector<std::string> Recipes() {
  std::vector<std::string> recipes;
  const auto names = ListFolder(kFolder);
  EXPECT_TRUE(names.ok()) << names.status();
  for (const std::string& name : names.value_or(std::vector<std::string>())) {
    const std::string stem(absl::StripSuffix(name, ".json"));
    if (absl::EndsWith(name, ".json") && !kModifiers.contains(stem)) recipes.push_back(stem);
  }
  return recipes;
}

std::string Text(const std::string& name) {
  const auto text = ReadFile(absl::StrCat(kFolder, name, ".json"));
  EXPECT_TRUE(text.ok()) << text.status();
  return text.value_or("{}");
}

Config Load(const std::string& recipe) {
  auto config =
      Config::Load(SchemaRegistry::Builtin(), absl::StrCat(kFolder, recipe, ".json"));
  EXPECT_TRUE(config.ok()) << recipe << ": " << config.status();
  return config.ok() ? *std::move(config) : *Config::OfType(SchemaRegistry::Builtin());
}

absl::StatusOr<FunctionRef> Trace(const Config& config) {
  static const ModuleTable& modules = *new ModuleTable();
  ASSIGN_OR_RETURN(const Config resolved, config.Resolve());
  Tracer tracer(OpTable::Builtin(), modules, {DType::kBF16, Mode::kTrain});
  return tracer.TraceModel(*resolved.Section("model"));
}

// Parameters of the traced model; -1 with a failure when it does not resolve or trace.
int64_t Parameters(const Config& config, const std::string& what) {
  const auto main = Trace(config);
  EXPECT_TRUE(main.ok()) << what << ": " << main.status().message();
  if (!main.ok()) return -1;
  int64_t count = 0;
  for (const FunctionInput& input : (*main)->inputs()) {
    if (input.kind != InputKind::kParam) continue;
    int64_t size = 1;
    for (const Dim& dim : (*main)->type(input.value).dims) size *= dim.value();
    count += size;
  }
  return count;
}

bool UpdatesGolden() { return std::getenv("TESSERA_UPDATE_GOLDEN") != nullptr; }

void ExpectGolden(const std::string& recipe, const Config& config) {
  const std::string path = absl::StrCat(kGolden, recipe, ".json");
  if (UpdatesGolden()) {
    ASSERT_TRUE(MakeFolders(kGolden).ok());
    ASSERT_TRUE(WriteFile(path, config.ToJson()).ok()) << path;
  }
  const auto golden = ReadFile(path);
  ASSERT_TRUE(golden.ok()) << golden.status() << "; TESSERA_UPDATE_GOLDEN=1 writes it";
  EXPECT_EQ(config.ToJson(), *golden) << path;
}

// "Attention.bias = false" for every field of every type.
std::map<std::string, std::string> Defaults() {
  std::map<std::string, std::string> defaults;
  for (const TypeInfo* type : SchemaRegistry::Builtin()->List()) {
    for (const FieldInfo& field : type->fields) {
      const std::string value = field.kind == FieldKind::kSlot ? field.default_type
                                                               : field.fallback.ToJson();
      defaults[absl::StrCat(type->name, ".", field.name)] = value.empty() ? "null" : value;
    }
  }
  return defaults;
}

TEST(RecipesTest, DefaultsAreAsTheyWere) {
  const std::map<std::string, std::string> defaults = Defaults();
  const std::string path = absl::StrCat(kGolden, "defaults.txt");
  if (UpdatesGolden()) {
    ASSERT_TRUE(MakeFolders(kGolden).ok());
    std::string text;
    for (const auto& [field, value] : defaults) absl::StrAppend(&text, field, " = ", value, "\n");
    ASSERT_TRUE(WriteFile(path, text).ok()) << path;
  }
  const auto golden = ReadFile(path);
  ASSERT_TRUE(golden.ok()) << golden.status() << "; TESSERA_UPDATE_GOLDEN=1 writes it";
  int count = 0;
  for (const std::string_view line : absl::StrSplit(*golden, '\n', absl::SkipEmpty())) {
    const std::vector<std::string> parts = absl::StrSplit(line, absl::MaxSplits(" = ", 1));
    const auto now = defaults.find(parts.front());
    EXPECT_EQ(now == defaults.end() ? "gone" : now->second, parts.back()) << line;
    ++count;
  }
  EXPECT_GT(count, 200);
}

TEST(RecipesTest, EachHasItsPublishedNumberOfParameters) {
  std::set<std::string> left;
  for (const auto& [recipe, count] : kPublished) left.insert(recipe);
  for (const std::string& recipe : Recipes()) {
    const Config config = Load(recipe);
    const auto published = kPublished.find(recipe);
    const int64_t count = Parameters(config, recipe);
    const bool is_known = published != kPublished.end();
    EXPECT_TRUE(is_known || kUnpublished.contains(recipe)) << recipe << " has " << count;
    EXPECT_EQ(count, is_known ? published->second : count) << recipe;
    ExpectGolden(recipe, config);
    left.erase(recipe);
  }
  EXPECT_THAT(left, testing::IsEmpty()) << "recipes that are gone";
}

// Of the experts of a layer a token visits top_k: the total without (1 - top_k / num_experts) of
// the experts, by the sizes of the config.json files. (The 3.6B of gpt-oss are without its
// embedding.)
TEST(RecipesTest, ActiveParametersOfMixtures) {
  const std::pair<const char*, int64_t> published[] = {
      {"mixtral-8x7b", 12879925248}, {"mixtral-8x22b", 39152031744},
      {"qwen3-30b-a3b", 3353032704}, {"gpt-oss-20b", 4187440704},
      {"olmoe-1b-7b", 1282017280},   {"deepseek-v3-671b", 37552297472},
  };
  for (const auto& [recipe, active] : published) {
    const Config config = Load(recipe);
    const std::string layer = "model.decoder.layer.feed_forward.";
    int64_t experts = 0, visited = 0;
    ASSERT_TRUE(absl::SimpleAtoi(*config.Get(layer + "num_experts"), &experts)) << recipe;
    ASSERT_TRUE(absl::SimpleAtoi(*config.Get(layer + "top_k"), &visited)) << recipe;
    const auto main = Trace(config);
    ASSERT_TRUE(main.ok()) << main.status();
    int64_t count = 0;
    for (const FunctionInput& input : (*main)->inputs()) {
      if (input.kind != InputKind::kParam) continue;
      int64_t size = 1;
      for (const Dim& dim : (*main)->type(input.value).dims) size *= dim.value();
      const std::vector<std::string>& names = input.param.logical_dims;
      const bool is_routed = !names.empty() && names.front() == "expert";
      count += is_routed ? size / experts * visited : size;
    }
    EXPECT_EQ(count, active) << recipe;
  }
}

TEST(RecipesTest, EachHasATinyVariantByOneModifier) {
  const std::string tiny = Text("tiny");
  for (const std::string& recipe : Recipes()) {
    Config config = Load(recipe);
    const auto reports = config.Modify(tiny, "tiny.json");
    ASSERT_TRUE(reports.ok()) << recipe << ": " << reports.status().message();
    const int64_t count = Parameters(config, recipe + ", tiny");
    EXPECT_GT(count, 0) << recipe;
    EXPECT_LT(count, 1500000) << recipe;
  }
}

constexpr char kRoutes[] =
    "expected a FeedForward in a slot for a feed_forward, got a MixtureOfExperts";

// Applies the modifier twice. "" or the error.
std::string Modify(Config& config, const std::string& name) {
  const std::string modifier = Text(name);
  const auto once = config.Modify(modifier, name + ".json");
  if (!once.ok()) return std::string(once.status().message());
  const std::string bytes = config.ToBytes();
  const auto twice = config.Modify(modifier, name + ".json");
  EXPECT_TRUE(twice.ok()) << twice.status().message();
  EXPECT_EQ(config.ToBytes(), bytes) << name;
  return "";
}

TEST(RecipesTest, OneLineMakesEveryDenseRecipeAMixture) {
  int changed = 0, refused = 0;
  for (const std::string& recipe : Recipes()) {
    Config config = Load(recipe);
    const bool routes = absl::StrContains(config.ToJson(), "MixtureOfExperts");
    const int64_t before = Parameters(config, recipe);
    const std::string bytes = config.ToBytes();
    const std::string error = Modify(config, "moe");
    if (!routes) {
      EXPECT_EQ(error, "") << recipe;
      EXPECT_GT(Parameters(config, recipe + " as a mixture"), 3 * before) << recipe;
      ++changed;
    } else if (error.empty()) {
      // Mixtral is what the modifier asks for, and DeepSeek-V3 has dense layers as well.
      EXPECT_GE(Parameters(config, recipe + " as a mixture"), before) << recipe;
    } else {
      EXPECT_THAT(error, HasSubstr(kRoutes));
      EXPECT_EQ(config.ToBytes(), bytes) << recipe;
      ++refused;
    }
  }
  EXPECT_GE(changed, 10);
  EXPECT_GE(refused, 3);
}

TEST(RecipesTest, OneLineGivesEveryRecipeRotaryPositions) {
  for (const std::string& recipe : Recipes()) {
    Config config = Load(recipe);
    EXPECT_EQ(Modify(config, "rope"), "") << recipe;
    int stacks = 0;
    for (const char* stack : {"encoder", "decoder"}) {
      const auto type = config.Get(absl::StrCat("model.", stack, ".position.type"));
      if (!type.ok()) continue;
      EXPECT_EQ(*type, "\"RotaryPosition\"") << recipe;
      ++stacks;
    }
    EXPECT_GE(stacks, 1) << recipe;
    EXPECT_GT(Parameters(config, recipe + " with rotary positions"), 0);
  }
}

TEST(RecipesTest, AdaptersLeaveThePathsOfWhatTheyWrap) {
  for (const std::string& recipe : Recipes()) {
    Config config = Load(recipe);
    const int64_t before = Parameters(config, recipe);
    EXPECT_EQ(Modify(config, "lora"), "") << recipe;
    EXPECT_GT(Parameters(config, recipe + " with adapters"), before) << recipe;
  }
}

// Lines of a file that say something.
int CodeLines(const std::string& text) {
  int count = 0;
  for (const std::string_view line : absl::StrSplit(text, '\n')) {
    const std::string_view stripped = absl::StripAsciiWhitespace(line);
    count += !stripped.empty() && !absl::StartsWith(stripped, "//") ? 1 : 0;
  }
  return count;
}

// The table in samples/recipes/README.md.
TEST(RecipesTest, AFeatureIsOneLineInOneFileHoweverManyRecipesThereAre) {
  for (const char* feature : {"moe", "rope"}) {
    EXPECT_EQ(CodeLines(Text(feature)), 1) << feature;
    // The line is all there is: no recipe knows of the file.
    for (const std::string& recipe : Recipes()) {
      EXPECT_THAT(Text(recipe), testing::Not(HasSubstr(absl::StrCat(feature, ".json"))));
    }
  }
}

// One file holds the hardware rules of all recipes, and what comes out does not depend on where the
// test runs.
TEST(RecipesTest, RulesFollowTheHardwareThatIsNamed) {
  const auto batch_and_recompute = [](const std::string& hardware) {
    const auto read = Config::Load(SchemaRegistry::Builtin(),
                                   absl::StrCat(kFolder, "hardware/", hardware, ".json"));
    EXPECT_TRUE(read.ok()) << read.status();
    const auto resolved = read->Resolve();
    EXPECT_TRUE(resolved.ok()) << resolved.status();
    Config config = Load("llama-3.1-8b");
    const auto made = config.Modify(Text("fit"), "fit.json", &*resolved);
    EXPECT_TRUE(made.ok()) << made.status().message();
    return absl::StrCat(config.Get("trainer.batch_size").value_or("?"), " ",
                        config.Get("trainer.recompute").value_or("?"));
  };
  EXPECT_EQ(batch_and_recompute("laptop"), "8 \"full\"");
  EXPECT_EQ(batch_and_recompute("h100-8"), "64 \"selective\"");
}

// What an experiment differs in. Each is one modifier; none names a recipe.
struct Choice {
  const char* name;
  const char* modifier;
};
constexpr Choice kAttentions[] = {
    {"as it is", R"([])"},
    {"windows", R"({"set": {"window": 128}, "in": "Attention", "optional": true})"},
    {"capped", R"({"set": {"softcap": 30}, "in": "Attention", "optional": true})"},
    {"query norms", R"({"set": {"q_norm": "RmsNorm", "k_norm": "RmsNorm"}, "in": "Attention",
                        "optional": true})"},
};
constexpr Choice kNorms[] = {
    {"as they are", "[]"},
    {"layer norms", R"({"replace": {"role": "norm", "path": "model.decoder.*norm"},
                        "with": "LayerNorm", "optional": true})"},
};
constexpr Choice kOptimizers[] = {
    {"AdamW", R"({"replace": "any optimizer", "with": "AdamW"})"},
    {"Sgd", R"({"replace": "any optimizer", "with": "Sgd"})"},
};
constexpr Choice kSizes[] = {
    {"as they are", "[]"},
    {"2 layers", R"({"set": {"num_layers": 2}, "in": "Decoder"})"},
    {"5 layers", R"({"set": {"num_layers": 5}, "in": "Decoder"})"},
    {"12 layers", R"({"set": {"num_layers": 12}, "in": "Decoder"})"},
};

TEST(RecipesTest, OneLineFitsAThousandExperiments) {
  const double started = ProcessorSeconds();
  const bool is_short = std::getenv("TESSERA_SHORT") != nullptr;   // one in eight
  int experiments = 0, routed = 0;
  for (const std::string& recipe : Recipes()) {
    const Config base = Load(recipe);
    for (const Choice& attention : kAttentions) {
      for (const Choice& norm : kNorms) {
        for (const Choice& optimizer : kOptimizers) {
          for (const Choice& size : kSizes) {
            if (is_short && (&optimizer != &kOptimizers[0] || &size != &kSizes[1])) continue;
            const std::string what = absl::StrCat(recipe, ", ", attention.name, ", ", norm.name,
                                                  ", ", optimizer.name, ", ", size.name);
            Config config = base;
            for (const Choice* choice : {&attention, &norm, &optimizer, &size}) {
              const auto made = config.Modify(choice->modifier, choice->name);
              ASSERT_TRUE(made.ok()) << what << ": " << made.status().message();
            }
            ASSERT_EQ(Modify(config, "rope"), "") << what;
            const bool routes = absl::StrContains(config.ToJson(), "MixtureOfExperts");
            const std::string refusal = Modify(config, "moe");
            routed += refusal.empty() ? 1 : 0;
            // Refused, and as it was: what routes already, all of it.
            ASSERT_TRUE(refusal.empty() || (routes && absl::StrContains(refusal, kRoutes)))
                << what << ": " << refusal;
            ASSERT_GT(Parameters(config, what), 0);
            ++experiments;
          }
        }
      }
    }
  }
  const double took = ProcessorSeconds() - started;
  RecordProperty("experiments", experiments);
  RecordProperty("seconds", static_cast<int>(took));
  EXPECT_GE(experiments, is_short ? 125 : 1000);
  EXPECT_GE(routed, is_short ? 60 : 500);
  if (!IsSanitized()) {
    EXPECT_LT(took, 60);
  }
}

}  // namespace
}  // namespace tessera
