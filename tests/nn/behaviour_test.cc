// What the modules of a language model mean, seen from outside: who sees whom, documents packed
// into one row, shifted positions, targets that do not count, and modules that stand alone.
#include <cmath>

#include "cpp/compile/compiler.h"
#include "cpp/config/config.h"
#include "cpp/exec/executor.h"
#include "cpp/nn/tracer.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "kernels/cpu/internal/cpu_features.h"
#include "tests/nn/model_json.h"
#include "tests/nn/model_run.h"

namespace tessera {
namespace {

using testing::ElementsAre;

constexpr double kSame = 1e-12;

// One row through an evaluating model.
struct Row {
  std::vector<double> tokens, positions, segments;

  static Row Of(std::vector<double> tokens, double first_position = 0, double segment = 0) {
    Row row;
    for (size_t i = 0; i < tokens.size(); ++i) {
      row.positions.push_back(first_position + static_cast<double>(i));
      row.segments.push_back(segment);
    }
    row.tokens = std::move(tokens);
    return row;
  }
  Row Then(const Row& next) const {
    Row both = *this;
    both.tokens.insert(both.tokens.end(), next.tokens.begin(), next.tokens.end());
    both.positions.insert(both.positions.end(), next.positions.begin(), next.positions.end());
    both.segments.insert(both.segments.end(), next.segments.begin(), next.segments.end());
    return both;
  }
};

std::vector<double> LogitsOf(const ModelParts& parts, const Row& row) {
  RunOptions options;
  options.mode = Mode::kEvaluate;
  options.sizes = {{"B", 1}, {"T", static_cast<int64_t>(row.tokens.size())}};
  auto run = ModelRun::OfJson(ModelJson(parts), options);
  EXPECT_TRUE(run.ok()) << run.status();
  if (!run.ok()) return {};
  (*run)->FillParams(3);
  EXPECT_TRUE((*run)->SetBatch(0, row.tokens, row.tokens).ok());
  EXPECT_TRUE((*run)->SetInput("positions", 0, row.positions).ok());
  EXPECT_TRUE((*run)->SetInput("segments", 0, row.segments).ok());
  EXPECT_TRUE((*run)->Step().ok());
  const auto logits = (*run)->Result();
  std::vector<double> numbers;
  for (int64_t i = 0; logits.ok() && i < logits->count(); ++i) numbers.push_back(logits->At(i));
  return numbers;
}

// Largest difference of the logits of `count` tokens.
double Difference(const std::vector<double>& a, size_t a_token, const std::vector<double>& b,
                  size_t b_token, size_t count) {
  double difference = 0;
  for (size_t i = 0; i < count * kVocab; ++i) {
    difference = std::max(difference, std::abs(a[a_token * kVocab + i] - b[b_token * kVocab + i]));
  }
  return difference;
}

TEST(LanguageModelTest, ATokenSeesItselfAndWhatCameBefore) {
  const ModelParts parts;
  const auto before = LogitsOf(parts, Row::Of({1, 2, 3, 4, 5}));
  const auto after = LogitsOf(parts, Row::Of({1, 2, 9, 4, 5}));
  EXPECT_EQ(Difference(before, 0, after, 0, 2), 0);
  for (size_t t = 2; t < 5; ++t) EXPECT_GT(Difference(before, t, after, t, 1), 1e-6) << t;
}

TEST(LanguageModelTest, WithoutCausalMaskEverybodySeesEverybody) {
  ModelParts parts;
  parts.attention = R"("num_heads": 2, "causal": false)";
  const auto before = LogitsOf(parts, Row::Of({1, 2, 3, 4, 5}));
  const auto after = LogitsOf(parts, Row::Of({1, 2, 3, 4, 9}));
  EXPECT_GT(Difference(before, 0, after, 0, 1), 1e-6);
}

class PackingTest : public testing::TestWithParam<bool> {};

TEST_P(PackingTest, DocumentsInOneRowAreAsIfAlone) {
  ModelParts parts;
  parts.attention = GetParam() ? R"("num_heads": 2)" : R"("num_heads": 2, "causal": false)";
  const Row first = Row::Of({1, 2, 3}, 0, 4), second = Row::Of({7, 8, 9, 10, 11}, 0, 5);
  const auto packed = LogitsOf(parts, first.Then(second));
  EXPECT_LT(Difference(packed, 0, LogitsOf(parts, first), 0, 3), kSame);
  EXPECT_LT(Difference(packed, 3, LogitsOf(parts, second), 0, 5), kSame);
}

INSTANTIATE_TEST_SUITE_P(Causal, PackingTest, testing::Bool());

TEST(PositionTest, RotaryKnowsDistancesOnly) {
  const ModelParts parts;
  const auto here = LogitsOf(parts, Row::Of({1, 2, 3, 4}));
  EXPECT_LT(Difference(here, 0, LogitsOf(parts, Row::Of({1, 2, 3, 4}, 1000)), 0, 4), 1e-9);
  // The order matters, though.
  const auto turned = LogitsOf(parts, Row::Of({2, 1, 3, 4}));
  EXPECT_GT(Difference(here, 3, turned, 3, 1), 1e-6);
}

TEST(PositionTest, LearnedKnowsWhere) {
  ModelParts parts;
  parts.position = R"({"type": "LearnedPosition", "max_positions": 12})";
  const auto here = LogitsOf(parts, Row::Of({1, 2, 3, 4}));
  EXPECT_GT(Difference(here, 0, LogitsOf(parts, Row::Of({1, 2, 3, 4}, 5)), 0, 4), 1e-6);
}

TEST(PositionTest, WithoutPositionsOnlyTheSetOfEarlierTokensCounts) {
  ModelParts parts;
  parts.num_layers = 1;
  parts.position = R"({"type": "NoPosition"})";
  const auto here = LogitsOf(parts, Row::Of({1, 2, 3, 4}));
  const auto turned = LogitsOf(parts, Row::Of({3, 2, 1, 4}));
  EXPECT_LT(Difference(here, 3, turned, 3, 1), kSame);
  EXPECT_GT(Difference(here, 1, turned, 1, 1), 1e-6);
}

TEST(CrossEntropyTest, ABatchInWhichNothingCountsHasNoLossAndNoGradient) {
  RunOptions options;
  options.compile.gradients = true;
  auto run = ModelRun::OfJson(ModelJson({}), options);
  ASSERT_TRUE(run.ok()) << run.status();
  (*run)->FillParams(3);
  ASSERT_TRUE((*run)->SetBatch(0, SomeIds(8, kVocab, 1), std::vector<double>(8, -100)).ok());
  ASSERT_TRUE((*run)->Step().ok());
  EXPECT_EQ((*run)->Loss().value(), 0);
  for (const ProgramParam& param : (*run)->program().params) {
    const auto gradient = (*run)->Gradient(param.path);
    ASSERT_TRUE(gradient.ok()) << gradient.status();
    for (int64_t i = 0; i < gradient->count(); ++i) EXPECT_EQ(gradient->At(i), 0) << param.path;
  }
}

// Tails of a data set may leave a rank or a micro-batch with nothing.
TEST(LanguageModelTest, AnEmptyBatchRunsAndLeavesGradientsZero) {
  const SymbolSizes nothing[] = {{{"B", 0}, {"T", 4}}, {{"B", 2}, {"T", 0}}};
  for (const SymbolSizes& sizes : nothing) {
    for (DType dtype : {DType::kF64, DType::kF32, DType::kBF16}) {
      RunOptions options;
      options.dtype = dtype;
      options.sizes = sizes;
      options.compile.gradients = true;
      ModelParts parts;
      parts.head = R"("tied": true, "bias": true)";
      auto run = ModelRun::OfJson(ModelJson(parts), options);
      ASSERT_TRUE(run.ok()) << run.status();
      (*run)->FillParams(3);
      // What was there before must not stay.
      for (const ProgramParam& param : (*run)->program().params) {
        Tensor gradient = (*run)->Gradient(param.path).value();
        for (int64_t i = 0; i < gradient.count(); ++i) gradient.Put(i, 7);
      }
      ASSERT_TRUE((*run)->SetBatch(0, {}, {}).ok());
      const absl::Status status = (*run)->Step();
      ASSERT_TRUE(status.ok()) << status;
      EXPECT_EQ((*run)->Loss().value(), 0);
      for (const ProgramParam& param : (*run)->program().params) {
        const Tensor gradient = (*run)->Gradient(param.path).value();
        for (int64_t i = 0; i < gradient.count(); ++i) {
          ASSERT_EQ(gradient.At(i), 0) << param.path << " " << Name(dtype);
        }
      }
    }
  }
}

TEST(CrossEntropyTest, TheLossIsThatOfTheFormula) {
  ModelParts parts;
  parts.loss = R"("label_smoothing": 0.1, "z_loss": 0.01)";
  RunOptions options;
  options.sizes = {{"B", 1}, {"T", 3}};
  auto run = ModelRun::OfJson(ModelJson(parts), options);
  ASSERT_TRUE(run.ok()) << run.status();
  (*run)->FillParams(3);
  const std::vector<double> targets = {5, -100, 0};
  ASSERT_TRUE((*run)->SetBatch(0, {1, 2, 3}, targets).ok());
  ASSERT_TRUE((*run)->Step().ok());
  const auto logits = (*run)->Result();
  ASSERT_TRUE(logits.ok());
  double loss = 0;
  for (int64_t t : {0, 2}) {
    double sum = 0, mean = 0;
    for (int64_t v = 0; v < kVocab; ++v) {
      sum += std::exp(logits->At(t * kVocab + v));
      mean += logits->At(t * kVocab + v) / kVocab;
    }
    const double lse = std::log(sum);
    const double target = logits->At(t * kVocab + static_cast<int64_t>(targets[t]));
    loss += (0.9 * (lse - target) + 0.1 * (lse - mean) + 0.01 * lse * lse) / 2;
  }
  EXPECT_NEAR((*run)->Loss().value(), loss, 1e-12);
}

// --- Modules that stand alone ---

absl::StatusOr<std::unique_ptr<ModelRun>> Alone(const std::string& json, Mode mode,
                                                const std::vector<double>& x) {
  ASSIGN_OR_RETURN(const Config config, ResolvedConfig(json));
  const ModuleTable modules;
  Tracer tracer(OpTable::Builtin(), modules, {DType::kF64, mode});
  ASSIGN_OR_RETURN(const FunctionRef main,
                   tracer.TraceMain(config.root(), {{"x", {DType::kF64, {Dim::Symbol("B"), 3}}}},
                                    LanguageModelAmbients(mode)));
  RunOptions options;
  options.sizes = {{"B", static_cast<int64_t>(x.size()) / 3}};
  ASSIGN_OR_RETURN(auto run, ModelRun::OfFunction(*main, options));
  RETURN_IF_ERROR(run->SetInput("x", 0, x));
  return run;
}

std::vector<double> StepResult(ModelRun& run) {
  EXPECT_TRUE(run.Step().ok());
  std::vector<double> numbers;
  const auto result = run.Result();
  EXPECT_TRUE(result.ok()) << result.status();
  for (int64_t i = 0; result.ok() && i < result->count(); ++i) numbers.push_back(result->At(i));
  return numbers;
}

TEST(LinearTest, IsAProductWithABias) {
  auto run = Alone(R"({"type": "Linear", "in_dim": 3, "out_dim": 2})", Mode::kTrain,
                   {1, 2, 3, 0, 0, 1});
  ASSERT_TRUE(run.ok()) << run.status();
  Tensor weight = (*run)->Param("weight"), bias = (*run)->Param("bias");
  ASSERT_TRUE(weight.defined() && bias.defined());
  EXPECT_EQ(weight.dims, (std::vector<int64_t>{3, 2}));
  for (int64_t i = 0; i < 6; ++i) weight.Put(i, static_cast<double>(i));
  bias.Put(0, 10);
  bias.Put(1, 20);
  EXPECT_THAT(StepResult(**run), ElementsAre(26, 42, 14, 25));
}

TEST(LinearTest, HasNoBiasWhenNoneIsWanted) {
  auto run = Alone(R"({"type": "Linear", "in_dim": 3, "out_dim": 2, "bias": false})",
                   Mode::kTrain, {1, 2, 3});
  ASSERT_TRUE(run.ok()) << run.status();
  EXPECT_FALSE((*run)->Param("bias").defined());
  EXPECT_EQ((*run)->program().params.size(), 1u);
}

TEST(NormTest, FormulasAreThoseOfTheirPapers) {
  auto rms = Alone(R"({"type": "RmsNorm", "model_dim": 3, "epsilon": 0})", Mode::kTrain, {1, 2, 2});
  auto layer =
      Alone(R"({"type": "LayerNorm", "model_dim": 3, "epsilon": 0})", Mode::kTrain, {1, 2, 3});
  ASSERT_TRUE(rms.ok() && layer.ok()) << rms.status() << layer.status();
  for (int64_t i = 0; i < 3; ++i) {
    Tensor((*rms)->Param("scale")).Put(i, 2);
    Tensor((*layer)->Param("scale")).Put(i, 2);
    Tensor((*layer)->Param("bias")).Put(i, 1);
  }
  const double root = std::sqrt(3.0);
  const std::vector<double> by_rms = StepResult(**rms), by_layer = StepResult(**layer);
  EXPECT_NEAR(by_rms[0], 2 / root, 1e-15);
  EXPECT_NEAR(by_rms[2], 4 / root, 1e-15);
  EXPECT_NEAR(by_layer[0], 1 - 2 * std::sqrt(1.5), 1e-15);
  EXPECT_NEAR(by_layer[1], 1, 1e-15);
}

TEST(DropoutTest, OutsideOfTrainingItIsTheIdentity) {
  for (const auto& [json, mode] : {std::pair(R"({"type": "Dropout", "rate": 0.9})",
                                             Mode::kEvaluate),
                                   std::pair(R"({"type": "Dropout", "rate": 0})", Mode::kTrain)}) {
    auto run = Alone(json, mode, {1, 2, 3});
    ASSERT_TRUE(run.ok()) << run.status();
    EXPECT_THAT(StepResult(**run), ElementsAre(1, 2, 3));
    EXPECT_TRUE((*run)->program().params.empty());
  }
}

}  // namespace
}  // namespace tessera
