// Method: a mixture whose experts take two tensors that share one routing, against a loop over
// tokens in fp64; stacked and one after the other, with a shared expert and copy experts; inputs
// that do not fit are errors that say which.
#include <cmath>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/moe/layer_run.h"

namespace tessera {
namespace {

using testing::HasSubstr;

constexpr int64_t kA = 6, kB = 4, kExperts = 3;

// (a, b) -> (a + b P, b * s): both results of an expert read its own parameters.
class PairExpert : public Module {
 public:
  absl::StatusOr<Values> Build(Scope& scope, const Values& inputs) const override {
    RETURN_IF_ERROR(scope.CheckInputs(inputs, {kAnyRank, kAnyRank}));
    Graph& graph = scope.graph();
    const ValueId p = scope.Param("proj", {Dim(kB), Dim(kA)}, Initializer::Normal(1));
    const ValueId s = scope.Param("factor", {Dim(kB)}, Initializer::Normal(1));
    return Values{graph.Add(inputs[0], graph.MatMul(inputs[1], p)), graph.Mul(inputs[1], s)};
  }
};

constexpr char kSchema[] = R"(/// Two tensors.
table PairExpert (role: "expert") {
  /// Width.
  model_dim: long (flows: "model_dim");
}
)";

struct Pair {
  std::shared_ptr<SchemaRegistry> schemas =
      std::make_shared<SchemaRegistry>(SchemaRegistry::Builtin());
  ModuleTable modules;

  Pair() {
    EXPECT_TRUE(schemas->RegisterText(kSchema, "PairExpert").ok());
    EXPECT_TRUE(modules.Register("PairExpert", [](const ConfigNode&) {
      return std::make_unique<PairExpert>();
    }).ok());
  }

  absl::StatusOr<std::unique_ptr<ModelRun>> Run(const std::string& fields, int64_t b_tokens = 5) {
    const std::string json = absl::StrCat(
        R"({"type": "MixtureOfExperts", "model_dim": 6, "num_experts": 3, "balance": [],
            "expert": {"type": "PairExpert"}, )", fields, "}");
    ASSIGN_OR_RETURN(const Config config, Config::FromJson(schemas, json, "pair.json"));
    ASSIGN_OR_RETURN(const Config resolved, config.Resolve());
    Tracer tracer(OpTable::Builtin(), modules, {DType::kF64, Mode::kEvaluate});
    const ValueType a{DType::kF64, {Dim(2), Dim(5), Dim(kA)}};
    const ValueType b{DType::kF64, {Dim(2), Dim(b_tokens), Dim(kB)}};
    ASSIGN_OR_RETURN(const FunctionRef main,
                     tracer.TraceMain(resolved.root(), {{"a", a}, {"b", b}}, {}));
    RunOptions options;
    options.mode = Mode::kEvaluate;
    ASSIGN_OR_RETURN(auto run, ModelRun::OfFunction(*main, options));
    run->FillParams(9);
    return run;
  }
};

// None for a parameter that is not there.
std::vector<double> Numbers(const Tensor& tensor) {
  std::vector<double> values;
  if (!tensor.defined()) return values;
  for (int64_t i = 0; i < tensor.count(); ++i) values.push_back(tensor.At(i));
  return values;
}

// Parameters of one expert, stacked or on their own.
struct ExpertParams {
  std::vector<double> proj, factor;
};

ExpertParams ParamsOf(const ModelRun& run, size_t e) {
  if (run.Param("experts/proj").defined()) {
    const auto p = Numbers(run.Param("experts/proj")), s = Numbers(run.Param("experts/factor"));
    const auto part = [e](const std::vector<double>& all, size_t size) {
      const auto begin = all.begin() + static_cast<long>(e * size);
      return std::vector<double>(begin, begin + static_cast<long>(size));
    };
    return {part(p, kA * kB), part(s, kB)};
  }
  return {Numbers(run.Param(absl::StrCat("experts/", e, "/proj"))),
          Numbers(run.Param(absl::StrCat("experts/", e, "/factor")))};
}

class SeveralInputsTest : public testing::TestWithParam<const char*> {};

TEST_P(SeveralInputsTest, AllOfThemGoWhereTheFirstIsRouted) {
  Pair pair;
  auto made = pair.Run(GetParam());
  ASSERT_TRUE(made.ok()) << made.status();
  ModelRun& run = **made;
  std::vector<double> a, b;
  for (const auto& row : LayerRun::SomeTokens(10, kA, 1)) a.insert(a.end(), row.begin(), row.end());
  for (const auto& row : LayerRun::SomeTokens(10, kB, 2)) b.insert(b.end(), row.begin(), row.end());
  ASSERT_TRUE(run.SetInput("a", 0, a).ok() && run.SetInput("b", 0, b).ok());
  ASSERT_TRUE(run.executor().Run({ActionKind::kForward}).ok());
  const auto ya = run.Result(0), yb = run.Result(1);
  ASSERT_TRUE(ya.ok() && yb.ok());
  const std::vector<double> w = Numbers(run.Param("gate/weight"));
  const size_t choices = w.size() / kA;
  const std::vector<double> shared = Numbers(run.Param("shared/factor"));
  for (size_t t = 0; t < 10; ++t) {
    std::vector<double> logits(choices, 0.0);
    for (size_t d = 0; d < kA; ++d) {
      for (size_t e = 0; e < choices; ++e) logits[e] += a[t * kA + d] * w[d * choices + e];
    }
    std::vector<size_t> order(choices);
    for (size_t e = 0; e < choices; ++e) order[e] = e;
    std::sort(order.begin(), order.end(),
              [&](size_t i, size_t j) { return logits[i] > logits[j]; });
    const double p = 1 / (1 + std::exp(logits[order[1]] - logits[order[0]]));
    std::vector<double> want_a(kA, 0.0), want_b(kB, 0.0);
    for (size_t j = 0; j < 2; ++j) {
      const double weight = j == 0 ? p : 1 - p;
      const bool copies = order[j] >= kExperts;
      const ExpertParams expert = copies ? ExpertParams() : ParamsOf(run, order[j]);
      for (size_t c = 0; c < kA; ++c) {
        double y = a[t * kA + c];
        for (size_t i = 0; i < kB && !copies; ++i) y += b[t * kB + i] * expert.proj[i * kA + c];
        want_a[c] += weight * y;
      }
      for (size_t c = 0; c < kB; ++c) {
        want_b[c] += weight * b[t * kB + c] * (copies ? 1 : expert.factor[c]);
      }
    }
    for (size_t c = 0; c < kB && !shared.empty(); ++c) want_b[c] += b[t * kB + c] * shared[c];
    for (size_t c = 0; c < kA && !shared.empty(); ++c) {
      const std::vector<double> proj = Numbers(run.Param("shared/proj"));
      want_a[c] += a[t * kA + c];
      for (size_t i = 0; i < kB; ++i) want_a[c] += b[t * kB + i] * proj[i * kA + c];
    }
    for (size_t c = 0; c < kA; ++c) {
      EXPECT_NEAR(ya->At(static_cast<int64_t>(t * kA + c)), want_a[c], 1e-13) << t << " " << c;
    }
    for (size_t c = 0; c < kB; ++c) {
      EXPECT_NEAR(yb->At(static_cast<int64_t>(t * kB + c)), want_b[c], 1e-13) << t << " " << c;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Forms, SeveralInputsTest,
                         testing::Values(R"("top_k": 2)", R"("run_experts": "each")",
                                         R"("shared": {"type": "PairExpert"})",
                                         R"("copy_experts": 2)"),
                         [](const auto& info) { return absl::StrCat("form_", info.index); });

TEST(SeveralInputsErrorsTest, SayWhichDoesNotFit) {
  Pair pair;
  const auto message = [&](const std::string& fields, int64_t tokens) {
    return std::string(pair.Run(fields, tokens).status().message());
  };
  EXPECT_THAT(message(R"("top_k": 2)", 4),
              HasSubstr("input 1: expected tokens x[..., D], as many as input 0 has, got "
                        "f64[2,4,4]"));
  EXPECT_THAT(message(R"("latent_dim": 3)", 5),
              HasSubstr("latent_dim: expected 0 for 2 inputs, of which one is projected"));
  EXPECT_THAT(message(R"("shared": {"type": "FeedForward", "hidden_dim": 3})", 5),
              HasSubstr("inputs: expected 1, got 2"));
}

}  // namespace
}  // namespace tessera
