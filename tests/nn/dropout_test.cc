// Dropout in a whole model: the same bits for the same keys whatever the threads, other bits for
// other keys, the stated rate, and a mask that belongs to the global row: two micro-batches with
// their offsets are the whole batch.
#include <cmath>

#include "cpp/compile/compiler.h"
#include "cpp/config/config.h"
#include "cpp/exec/executor.h"
#include "cpp/nn/tracer.h"
#include "gtest/gtest.h"
#include "kernels/cpu/internal/cpu_features.h"
#include "tests/nn/model_json.h"
#include "tests/nn/model_run.h"

namespace tessera {
namespace {

ModelParts WithDropout() {
  ModelParts parts;
  parts.dropout = R"({"type": "Dropout", "rate": 0.4})";
  return parts;
}

absl::StatusOr<std::unique_ptr<ModelRun>> RunModel(RunOptions options, uint64_t key_seed) {
  options.compile.gradients = true;
  ASSIGN_OR_RETURN(auto run, ModelRun::OfJson(ModelJson(WithDropout()), options));
  run->FillParams(3);
  RETURN_IF_ERROR(run->SetKeys(key_seed));
  const int64_t count = options.sizes.at("B") * options.sizes.at("T");
  const std::vector<double> tokens = SomeIds(4 * options.sizes.at("T"), kVocab, 1);
  for (int m = 0; m < run->program().micro_batches; ++m) {
    const std::vector<double> part(tokens.begin() + m * count, tokens.begin() + (m + 1) * count);
    RETURN_IF_ERROR(run->SetBatch(m, part, part));
  }
  RETURN_IF_ERROR(run->Step());
  return run;
}

RunOptions Options(int threads) {
  RunOptions options;
  options.sizes = {{"B", 4}, {"T", 6}};
  options.threads = threads;
  return options;
}

TEST(DropoutTest, BitsFollowFromTheKeysAlone) {
  const auto first = RunModel(Options(1), 5);
  ASSERT_TRUE(first.ok()) << first.status();
  const auto expected = (*first)->GradientBytes();
  ASSERT_TRUE(expected.ok());
  for (int threads : {1, 2, 3}) {
    const auto run = RunModel(Options(threads), 5);
    ASSERT_TRUE(run.ok()) << run.status();
    EXPECT_TRUE((*run)->GradientBytes().value() == *expected) << threads << " threads";
  }
  const auto other = RunModel(Options(1), 6);
  ASSERT_TRUE(other.ok()) << other.status();
  EXPECT_FALSE((*other)->GradientBytes().value() == *expected);
}

TEST(DropoutTest, RecomputedMasksAreTheSame) {
  std::map<std::string, std::string> expected;
  for (RecomputePolicy policy :
       {RecomputePolicy::kNone, RecomputePolicy::kSelective, RecomputePolicy::kFull}) {
    RunOptions options = Options(1);
    options.compile.recompute = policy;
    const auto run = RunModel(options, 5);
    ASSERT_TRUE(run.ok()) << run.status();
    const auto bytes = (*run)->GradientBytes();
    ASSERT_TRUE(bytes.ok());
    if (expected.empty()) expected = *bytes;
    EXPECT_TRUE(*bytes == expected) << "policy " << static_cast<int>(policy);
  }
}

TEST(DropoutTest, MicroBatchesSeeTheMasksOfTheirRows) {
  const auto whole = RunModel(Options(1), 5);
  RunOptions options = Options(1);
  options.sizes["B"] = 2;
  options.compile.micro_batches = 2;
  const auto parts = RunModel(options, 5);
  ASSERT_TRUE(whole.ok() && parts.ok()) << whole.status() << parts.status();
  EXPECT_NEAR((*whole)->Loss().value(), (*parts)->Loss().value(), 1e-13);
  for (const ProgramParam& param : (*whole)->program().params) {
    const auto a = (*whole)->Gradient(param.path), b = (*parts)->Gradient(param.path);
    ASSERT_TRUE(a.ok() && b.ok());
    for (int64_t i = 0; i < a->count(); ++i) {
      ASSERT_NEAR(a->At(i), b->At(i), 1e-12) << param.path << " " << i;
    }
  }
}

// The module alone, on ones.
TEST(DropoutTest, ZeroesTheStatedShareAndKeepsTheMean) {
  constexpr int64_t kRows = 50, kColumns = 400;
  const auto config = ResolvedConfig(R"({"type": "Dropout", "rate": 0.25})");
  ASSERT_TRUE(config.ok()) << config.status();
  const ModuleTable modules;
  Tracer tracer(OpTable::Builtin(), modules, {DType::kF32, Mode::kTrain});
  const ValueType type = {DType::kF32, {Dim::Symbol("B"), kColumns}};
  const auto main =
      tracer.TraceMain(config->root(), {{"x", type}}, LanguageModelAmbients(Mode::kTrain));
  ASSERT_TRUE(main.ok()) << main.status();
  RunOptions options;
  options.sizes = {{"B", kRows}};
  auto run = ModelRun::OfFunction(**main, options);
  ASSERT_TRUE(run.ok()) << run.status();
  ASSERT_TRUE((*run)->SetKeys(5).ok());
  ASSERT_TRUE((*run)->SetInput("x", 0, std::vector<double>(kRows * kColumns, 1.0)).ok());
  ASSERT_TRUE((*run)->SetInput("batch_offset", 0, {0}).ok());
  ASSERT_TRUE((*run)->Step().ok());
  const auto y = (*run)->Result();
  ASSERT_TRUE(y.ok()) << y.status();
  double zeros = 0;
  for (int64_t i = 0; i < y->count(); ++i) {
    EXPECT_TRUE(y->At(i) == 0 || std::abs(y->At(i) - 1 / 0.75) < 1e-6) << y->At(i);
    zeros += y->At(i) == 0 ? 1 : 0;
  }
  // Five standard deviations of a binomial of 20000.
  EXPECT_NEAR(zeros / (kRows * kColumns), 0.25, 5 * std::sqrt(0.25 * 0.75 / (kRows * kColumns)));
}

}  // namespace
}  // namespace tessera
