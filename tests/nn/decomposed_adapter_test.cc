// Method: a projection with the adapter against the formula of its paper in plain loops, with the
// magnitude written as the paper has it; at the start it is the projection itself, to the bit.
#include <cmath>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/nn/finite_difference.h"
#include "tests/nn/model_json.h"
#include "tests/nn/model_run.h"

namespace tessera {
namespace {

using testing::HasSubstr;

constexpr int64_t kIn = 3, kOut = 4, kRank = 2;

TEST(DecomposedAdapterTest, IsTheFormulaOfItsPaper) {
  const auto config = ResolvedConfig(R"({"type": "DoRA", "in_dim": 3, "out_dim": 4, "rank": 2,
                                         "alpha": 3, "inner": {"bias": false}})");
  ASSERT_TRUE(config.ok()) << config.status();
  const ModuleTable modules;
  Tracer tracer(OpTable::Builtin(), modules, {DType::kF64, Mode::kTrain});
  const auto main =
      tracer.TraceMain(config->root(), {{"x", {DType::kF64, {Dim::Symbol("B"), kIn}}}}, {});
  ASSERT_TRUE(main.ok()) << main.status();
  RunOptions options;
  options.sizes = {{"B", 1}};
  auto made = ModelRun::OfFunction(**main, options);
  ASSERT_TRUE(made.ok()) << made.status();
  ModelRun& run = **made;
  run.FillParams(3);
  const std::vector<double> x = {0.5, -1, 2};
  ASSERT_TRUE(run.SetInput("x", 0, x).ok() && run.Step().ok());
  const Tensor w = run.Param("weight"), a = run.Param("dora_a"), b = run.Param("dora_b");
  const Tensor g = run.Param("dora_g"), y = *run.Result();
  for (int64_t o = 0; o < kOut; ++o) {
    double before = 0, after = 0, product = 0;
    for (int64_t i = 0; i < kIn; ++i) {
      double changed = w.At(i * kOut + o);
      before += changed * changed;
      for (int64_t r = 0; r < kRank; ++r) changed += 1.5 * a.At(i * kRank + r) * b.At(r * kOut + o);
      after += changed * changed;
      product += x[i] * changed;
    }
    const double magnitude = (1 + g.At(o)) * std::sqrt(before);
    EXPECT_NEAR(y.At(o), magnitude * product / std::sqrt(after), 1e-12) << o;
  }
}

std::string Adapted(bool bias) {
  ModelParts parts;
  parts.attention = absl::StrCat(R"("num_heads": 2, "bias": )", bias ? "true" : "false",
                                 R"(, "v_proj": {"type": "DoRA", "rank": 2})");
  parts.head = R"("tied": true, "projection": {"type": "DoRA", "rank": 2})";
  return ModelJson(parts);
}

TEST(DecomposedAdapterTest, AModelStartsAsItIsAndHasItsGradients) {
  ModelParts parts;
  parts.head = R"("tied": true)";
  std::string bytes[2];
  for (const bool adapted : {false, true}) {
    RunOptions options;
    options.compile.gradients = true;
    auto run = ModelRun::OfJson(adapted ? Adapted(false) : ModelJson(parts), options);
    ASSERT_TRUE(run.ok()) << run.status();
    (*run)->FillParams(3);
    for (const ProgramParam& param : (*run)->program().params) {
      if (!param.path.ends_with("dora_b") && !param.path.ends_with("dora_g")) continue;
      Tensor zeros = (*run)->Param(param.path);
      for (int64_t i = 0; i < zeros.count(); ++i) zeros.Put(i, 0);
    }
    ASSERT_TRUE((*run)->SetBatch(0, SomeIds(8, kVocab, 1), SomeIds(8, kVocab, 2)).ok());
    ASSERT_TRUE((*run)->Step().ok());
    const auto logits = (*run)->Result();
    ASSERT_TRUE(logits.ok());
    bytes[adapted] = std::string(logits->data_as<char>(), logits->bytes());
    if (!adapted) continue;
    (*run)->FillParams(3);
    ASSERT_TRUE((*run)->Step().ok());
    ExpectSlopes(**run);
  }
  EXPECT_EQ(bytes[0], bytes[1]);
}

TEST(DecomposedAdapterTest, AProjectionWithABiasIsRefused) {
  EXPECT_THAT(std::string(ModelRun::OfJson(Adapted(true), {}).status().message()),
              HasSubstr("v_proj: DecomposedAdapter: inner: expected a projection whose weight"));
}

}  // namespace
}  // namespace tessera
