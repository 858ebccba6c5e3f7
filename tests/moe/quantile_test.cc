// Method: the bias of the quantile gate after one step, held against a loop in fp64 that computes
// it by its formula, with and without padding; and what the bias is for: a router whose loads are
// far from even comes near to it in some steps on the same tokens.
#include <algorithm>
#include <cmath>

#include "gtest/gtest.h"
#include "tests/moe/layer_run.h"

namespace tessera {
namespace {

constexpr int64_t kWidth = 8, kExperts = 5, kChoices = 2;
constexpr double kEma = 0.75;

std::string Fields(bool per_sequence) {
  return absl::StrCat(R"("num_experts": 5, "skip_padding": true, "expert": {"hidden_dim": 3},
      "balance": [], "gate": {"type": "QuantileGate", "ema": 0.75, "per_sequence": )",
                      per_sequence ? "true" : "false", "}");
}

// The layer in training, its result the next bias.
absl::StatusOr<std::unique_ptr<ModelRun>> Biased(const std::string& fields, int64_t batch,
                                                 int64_t length) {
  const std::string json = absl::StrCat(R"({"type": "MixtureOfExperts", "model_dim": 8, )", fields,
                                        "}");
  ASSIGN_OR_RETURN(const Config config, ResolvedConfig(json));
  const ModuleTable modules;
  Tracer tracer(OpTable::Builtin(), modules, {DType::kF64, Mode::kTrain});
  const ValueType x{DType::kF64, {Dim::Symbol("B"), Dim::Symbol("T"), Dim(kWidth)}};
  const std::vector<NamedType> ambients = LanguageModelAmbients(Mode::kTrain);
  ASSIGN_OR_RETURN(const FunctionRef traced,
                   tracer.TraceMain(config.root(), {{"x", x}}, ambients));
  Function main = *traced;
  main.ClearOutputs();
  for (const FunctionOutput& output : traced->outputs()) {
    if (output.kind == OutputKind::kBuffer) main.AddOutput("bias", output.value);
  }
  RET_CHECK_EQ(main.outputs().size(), 1u);
  RunOptions options;
  options.sizes = {{"B", batch}, {"T", length}};
  return ModelRun::OfFunction(main, options);
}

std::vector<double> Numbers(const Tensor& tensor) {
  std::vector<double> values;
  for (int64_t i = 0; i < tensor.count(); ++i) values.push_back(tensor.At(i));
  return values;
}

// Logits of every token, by sequence; those of padding are left out.
using Sequences = std::vector<Matrix>;

// What q_e is for the tokens of one group.
std::vector<double> Quantiles(const Matrix& logits, const std::vector<double>& bias) {
  Matrix margins(kExperts);
  for (const auto& l : logits) {
    std::vector<double> worth;
    for (size_t e = 0; e < l.size(); ++e) worth.push_back(l[e] - bias[e]);
    std::sort(worth.rbegin(), worth.rend());
    for (size_t e = 0; e < l.size(); ++e) margins[e].push_back(l[e] - worth[kChoices]);
  }
  std::vector<double> quantiles;
  for (auto& column : margins) {
    std::sort(column.rbegin(), column.rend());
    quantiles.push_back(column[logits.size() * kChoices / kExperts]);
  }
  return quantiles;
}

std::vector<double> NextBias(const Sequences& groups, const std::vector<double>& bias) {
  std::vector<double> next(kExperts, 0.0);
  double count = 0, mean = 0;
  for (const Matrix& group : groups) {
    if (group.empty()) continue;
    ++count;
    const std::vector<double> q = Quantiles(group, bias);
    for (size_t e = 0; e < q.size(); ++e) next[e] += q[e];
  }
  for (size_t e = 0; e < next.size(); ++e) {
    next[e] = count == 0 ? bias[e] : kEma * bias[e] + (1 - kEma) * next[e] / count;
    mean += next[e] / kExperts;
  }
  for (double& b : next) b -= mean;
  return next;
}

class QuantileTest : public testing::Test {
 protected:
  static constexpr int64_t kBatch = 3, kLength = 11;

  // `padding`: the tokens at the end of each sequence that do not count.
  void Check(bool per_sequence, const std::vector<int64_t>& padding) {
    auto run = Biased(Fields(per_sequence), kBatch, kLength);
    ASSERT_TRUE(run.ok()) << run.status();
    (*run)->FillParams(4);
    const std::vector<double> w = Numbers((*run)->Param("gate/weight"));
    const std::vector<double> bias = Numbers((*run)->Param("gate/bias"));
    std::vector<double> flat, segments;
    Sequences sequences(kBatch);
    const Matrix x = LayerRun::SomeTokens(kBatch * kLength, kWidth, 8);
    for (size_t i = 0; i < x.size(); ++i) {
      const size_t b = i / kLength;
      const bool counts = static_cast<int64_t>(i % kLength) < kLength - padding[b];
      flat.insert(flat.end(), x[i].begin(), x[i].end());
      segments.push_back(counts ? 0 : -1);
      if (!counts) continue;
      std::vector<double> logits(kExperts, 0.0);
      for (size_t d = 0; d < x[i].size(); ++d) {
        for (size_t e = 0; e < kExperts; ++e) logits[e] += x[i][d] * w[d * kExperts + e];
      }
      sequences[per_sequence ? b : 0].push_back(logits);
    }
    ASSERT_TRUE((*run)->SetInput("x", 0, flat).ok());
    ASSERT_TRUE((*run)->SetInput("segments", 0, segments).ok());
    ASSERT_TRUE((*run)->executor().Run({ActionKind::kForward}).ok());
    const auto result = (*run)->Result();
    ASSERT_TRUE(result.ok()) << result.status();
    const std::vector<double> expected = NextBias(sequences, bias);
    for (size_t e = 0; e < expected.size(); ++e) {
      EXPECT_NEAR(result->At(static_cast<int64_t>(e)), expected[e], 1e-12) << e;
    }
  }
};

TEST_F(QuantileTest, BySequence) { Check(true, {0, 0, 0}); }
TEST_F(QuantileTest, ByMicroBatch) { Check(false, {0, 0, 0}); }
TEST_F(QuantileTest, BySequenceWithPadding) { Check(true, {3, 0, kLength}); }
TEST_F(QuantileTest, ByMicroBatchWithPadding) { Check(false, {3, 0, kLength}); }
TEST_F(QuantileTest, WithoutTokensTheBiasStays) { Check(true, {kLength, kLength, kLength}); }

TEST_F(QuantileTest, LoadsBecomeEven) {
  auto run = Biased(Fields(false), 1, 200);
  ASSERT_TRUE(run.ok()) << run.status();
  (*run)->FillParams(4);
  std::vector<double> flat;
  const Matrix x = LayerRun::SomeTokens(200, kWidth, 8);
  for (const auto& row : x) flat.insert(flat.end(), row.begin(), row.end());
  ASSERT_TRUE((*run)->SetInput("x", 0, flat).ok());
  ASSERT_TRUE((*run)->SetInput("segments", 0, std::vector<double>(200, 0.0)).ok());
  Tensor bias = (*run)->Param("gate/bias");
  for (int64_t e = 0; e < kExperts; ++e) bias.Put(e, e == 0 ? -5 : 0);   // all of them want 0
  const std::vector<double> w = Numbers((*run)->Param("gate/weight"));
  const auto busiest = [&] {
    std::vector<double> loads(kExperts, 0.0);
    for (const auto& row : x) {
      std::vector<std::pair<double, size_t>> worth;
      for (size_t e = 0; e < kExperts; ++e) {
        double l = -bias.At(static_cast<int64_t>(e));
        for (size_t d = 0; d < row.size(); ++d) l += row[d] * w[d * kExperts + e];
        worth.emplace_back(-l, e);
      }
      std::sort(worth.begin(), worth.end());
      for (size_t j = 0; j < kChoices; ++j) ++loads[worth[j].second];
    }
    return *std::max_element(loads.begin(), loads.end()) / (200.0 * kChoices / kExperts) - 1;
  };
  EXPECT_GT(busiest(), 1);
  for (int step = 0; step < 40; ++step) {
    ASSERT_TRUE((*run)->executor().Run({ActionKind::kForward}).ok());
    const auto next = (*run)->Result();
    ASSERT_TRUE(next.ok()) << next.status();
    for (int64_t e = 0; e < kExperts; ++e) bias.Put(e, next->At(e));
  }
  EXPECT_LT(busiest(), 0.1);
}

}  // namespace
}  // namespace tessera
