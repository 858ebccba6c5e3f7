// Method: the same run by one rank with the whole batch and by two ranks with half of it each, once
// as threads and once as processes over Gloo. In fp32 every gradient of the first step (the
// momentum of SGD after one step is the gradient) agrees to 1e-5 of the largest one of its
// tensor, and the losses of 20 steps to 1e-5. With dropout too: masks belong to rows of the
// global batch. The ranks of one group have the same bits.
#include <filesystem>
#include <fstream>
#include <thread>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/substitute.h"
#include "cpp/comm/gloo.h"
#include "cpp/comm/in_process.h"
#include "cpp/train/trainer.h"
#include "gtest/gtest.h"
#include "tests/comm/processes.h"
#include "tests/ops/interpreter.h"

namespace tessera {
namespace {

constexpr double kTolerance = 1e-5;
constexpr int kSteps = 20;

struct Variant {
  const char* name;
  const char* dropout;
  const char* position;
  const char* norm;
  const char* tied;
  int micro_batches;
};

constexpr Variant kVariants[] = {
    {"plain", "null", R"({"type": "RotaryPosition"})", R"({"type": "RmsNorm"})", "false", 1},
    {"dropout", R"({"type": "Dropout", "rate": 0.2})", R"({"type": "RotaryPosition"})",
     R"({"type": "RmsNorm"})", "false", 1},
    {"tied_micro_batches", R"({"type": "Dropout", "rate": 0.1})",
     R"({"type": "LearnedPosition", "max_positions": 16})", R"({"type": "LayerNorm"})", "true", 2},
};

// Text that is no repetition, so that the loss has something to do.
std::string CorpusPath() {
  const std::string path = absl::StrCat(testing::TempDir(), "two_ranks_corpus.txt");
  std::string text;
  uint64_t state = 1;
  while (text.size() < 6000) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    absl::StrAppend(&text, state >> 60 > 7 ? "the " : "a ", state >> 33 & 1023, "\n");
  }
  std::ofstream(path, std::ios::binary) << text;
  return path;
}

absl::StatusOr<Config> ConfigOf(const Variant& variant, std::string_view optimizer) {
  const std::string json = absl::Substitute(
      R"({"model": {"type": "LanguageModel", "vocab_size": 256, "model_dim": 32,
           "decoder": {"num_layers": 2, "position": $0, "norm": $1, "dropout": $2,
             "layer": {"norm": $1, "dropout": $2, "attention": {"num_heads": 4},
                       "feed_forward": {"hidden_dim": 64}}},
           "head": {"tied": $3}},
         "data": {"train": "$4", "tokenizer": "ByteTokenizer"},
         "trainer": {"steps": $5, "batch_size": 8, "sequence_length": 16, "micro_batches": $6,
                     "clip_norm": 0},
         "optimizer": $7, "schedule": {"type": "Constant"},
         "runtime": {"seed": 3, "dtype": "fp32", "threads": 1}})",
      variant.position, variant.norm, variant.dropout, variant.tied, CorpusPath(), kSteps,
      variant.micro_batches, optimizer);
  return Config::FromJson(SchemaRegistry::Builtin(), json, "two_ranks.json");
}

struct RunResult {
  std::vector<double> losses;
  std::map<std::string, std::vector<double>> gradients;   // of the first step, by path
};

absl::StatusOr<std::unique_ptr<Trainer>> NewTrainer(const Variant& variant, const char* optimizer,
                                                    const Environment& environment) {
  ASSIGN_OR_RETURN(const Config config, ConfigOf(variant, optimizer));
  return Trainer::Create(config, environment, {});
}

absl::StatusOr<RunResult> RunRank(const Variant& variant, Communicator* communicator) {
  const ModuleTable modules;
  ThreadPool pool(ThreadPoolOptions{.threads = 1});
  Environment environment;
  environment.ops = &OpTable::Builtin();
  environment.modules = &modules;
  environment.kernels = &CpuKernels();
  environment.pool = &pool;
  environment.communicator = communicator;
  environment.isa = cpu::DetectIsa();
  RunResult result;
  {
    ASSIGN_OR_RETURN(const auto trainer,
                     NewTrainer(variant, R"({"type": "Sgd", "momentum": 0.9})", environment));
    RETURN_IF_ERROR(trainer->Step().status());
    constexpr std::string_view kSlot = "/momentum";
    for (const auto& [kind, name] : trainer->parameters()->List()) {
      if (kind != SlotKind::kOptimizer || !std::string_view(name).ends_with(kSlot)) continue;
      const Tensor tensor = trainer->parameters()->Find(kind, name);
      std::vector<double>& values = result.gradients[name.substr(0, name.size() - kSlot.size())];
      for (int64_t i = 0; i < tensor.count(); ++i) values.push_back(tensor.At(i));
    }
  }
  ASSIGN_OR_RETURN(
      const auto trainer,
      NewTrainer(variant, R"({"type": "AdamW", "learning_rate": 0.003})", environment));
  for (int step = 0; step < kSteps; ++step) {
    ASSIGN_OR_RETURN(const StepResult step_result, trainer->Step());
    result.losses.push_back(step_result.loss);
  }
  return result;
}

// A result as text and back, for the pipes of child processes.
std::string ToText(const absl::StatusOr<RunResult>& result) {
  if (!result.ok()) return absl::StrCat("error ", result.status().ToString());
  const auto number = [](std::string* out, double value) {
    absl::StrAppend(out, absl::StrFormat("%.17g", value));
  };
  std::string text = absl::StrJoin(result->losses, " ", number);
  for (const auto& [path, values] : result->gradients) {
    absl::StrAppend(&text, "\n", path, " ", absl::StrJoin(values, " ", number));
  }
  return text;
}

RunResult FromText(const std::string& text) {
  RunResult result;
  for (std::string_view line : absl::StrSplit(text, '\n')) {
    std::vector<std::string_view> words = absl::StrSplit(line, ' ');
    std::vector<double>* values = &result.losses;
    if (!result.losses.empty()) {
      values = &result.gradients[std::string(words[0])];
      words.erase(words.begin());
    }
    for (std::string_view word : words) {
      EXPECT_TRUE(absl::SimpleAtod(word, &values->emplace_back())) << word;
    }
  }
  return result;
}

void ExpectSameRun(const RunResult& whole, const RunResult& ranks) {
  ASSERT_EQ(whole.losses.size(), static_cast<size_t>(kSteps));
  ASSERT_EQ(ranks.losses.size(), whole.losses.size());
  for (size_t i = 0; i < whole.losses.size(); ++i) {
    EXPECT_NEAR(ranks.losses[i], whole.losses[i], kTolerance * std::abs(whole.losses[i]))
        << "step " << i + 1;
  }
  EXPECT_LT(whole.losses.back(), whole.losses.front());
  ASSERT_GT(whole.gradients.size(), 10u);
  ASSERT_EQ(ranks.gradients.size(), whole.gradients.size());
  for (const auto& [path, values] : whole.gradients) {
    const auto it = ranks.gradients.find(path);
    ASSERT_NE(it, ranks.gradients.end()) << path;
    ASSERT_EQ(it->second.size(), values.size()) << path;
    double largest = 0;
    for (double value : values) largest = std::max(largest, std::abs(value));
    EXPECT_GT(largest, 0) << path;
    for (size_t i = 0; i < values.size(); ++i) {
      ASSERT_NEAR(it->second[i], values[i], kTolerance * largest) << path << "[" << i << "]";
    }
  }
}

class TwoRanksTest : public testing::TestWithParam<Variant> {};

TEST_P(TwoRanksTest, ThreadsAgreeWithOneRank) {
  const auto whole = RunRank(GetParam(), nullptr);
  ASSERT_TRUE(whole.ok()) << whole.status();
  const auto group = NewInProcessGroup(2);
  std::vector<absl::StatusOr<RunResult>> results(2, absl::UnknownError("not run"));
  std::vector<std::thread> threads;
  for (int rank = 0; rank < 2; ++rank) {
    threads.emplace_back(
        [&, rank] { results[rank] = RunRank(GetParam(), group[rank].get()); });
  }
  for (std::thread& thread : threads) thread.join();
  for (const auto& result : results) {
    ASSERT_TRUE(result.ok()) << result.status();
    ExpectSameRun(*whole, *result);
  }
  EXPECT_EQ(results[0]->losses, results[1]->losses);
  EXPECT_EQ(results[0]->gradients, results[1]->gradients);
}

INSTANTIATE_TEST_SUITE_P(Variants, TwoRanksTest, testing::ValuesIn(kVariants),
                         [](const auto& info) { return std::string(info.param.name); });

// One process a rank; also bit by bit what the two threads have.
TEST(TwoRanksOverGlooTest, ProcessesAgreeWithOneRank) {
  const Variant& variant = kVariants[1];
  const int port = FreePort();
  const auto children = RunProcesses(2, [&](int rank) {
    GlooOptions options;
    options.control.rank = rank;
    options.control.world = 2;
    options.control.port = port;
    options.control.join_timeout_ms = 15'000;
    const auto communicator = NewGlooCommunicator(options);
    if (!communicator.ok()) return absl::StrCat("error ", communicator.status().ToString());
    return ToText(RunRank(variant, communicator->get()));
  }, {}, nullptr, 120'000);
  const auto whole = RunRank(variant, nullptr);
  ASSERT_TRUE(whole.ok()) << whole.status();
  for (const RankResult& child : children) {
    ASSERT_TRUE(child.is_done);
    ASSERT_NE(child.text.substr(0, 5), "error") << child.text;
    ExpectSameRun(*whole, FromText(child.text));
  }
  EXPECT_EQ(children[0].text, children[1].text);
}

}  // namespace
}  // namespace tessera
