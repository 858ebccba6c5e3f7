// Method: padding that is skipped. A sequence with padding behind it against the same sequence
// without: equal outputs, equal balance losses and metrics, whatever stands in the padding, which
// itself gets zero. For every gate that can leave padding out; the one that cannot says so.
#include <cmath>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/moe/layer_run.h"

namespace tessera {
namespace {

using testing::HasSubstr;

constexpr int64_t kWidth = 8, kReal = 7, kPadded = 11;
constexpr char kLosses[] = R"("balance": [{"type": "LoadBalance", "weight": 1},
    {"type": "LoadBalance", "scope": "sequence", "name": "by_sequence", "weight": 1},
    {"type": "ImportanceBalance", "name": "weights", "weight": 1},
    {"type": "RouterZLoss", "weight": 1},
    {"type": "LoadMetrics", "loads": true}], "expert": {"hidden_dim": 5}, "num_experts": 4)";

struct Outcome {
  std::vector<double> y;
  double loss = 0;
  std::map<std::string, double> sums;   // every loss and metric
};

// One sequence of `length` tokens, of which the first kReal are real; `filling` varies the others.
absl::StatusOr<Outcome> Apply(const std::string& gate, int64_t length, uint64_t filling) {
  RunOptions options;
  options.sizes = {{"B", 1}, {"T", length}};
  ASSIGN_OR_RETURN(LayerRun layer,
                   LayerRun::Create(absl::StrCat(kLosses, R"(, "skip_padding": true, "gate": )",
                                                 gate),
                                    kWidth, options));
  layer.run().FillParams(6);
  RETURN_IF_ERROR(layer.run().SetKeys(3));
  Matrix x = LayerRun::SomeTokens(kReal, kWidth, 2);
  for (const auto& row : LayerRun::SomeTokens(length - kReal, kWidth, filling)) x.push_back(row);
  std::vector<double> segments(x.size(), -1.0);
  std::fill_n(segments.begin(), kReal, 0.0);
  layer.SetSegments(segments);
  ASSIGN_OR_RETURN(const Tensor y, layer.Apply(x));
  Outcome outcome;
  for (int64_t i = 0; i < y.count(); ++i) outcome.y.push_back(y.At(i));
  ASSIGN_OR_RETURN(outcome.loss, layer.run().Loss());
  for (const SumSpec& sum : layer.run().program().sums) {
    ASSIGN_OR_RETURN(const Tensor numerator,
                     layer.run().executor().SlotTensor(sum.numerator_slot));
    ASSIGN_OR_RETURN(const Tensor denominator,
                     layer.run().executor().SlotTensor(sum.denominator_slot));
    outcome.sums[sum.name] = numerator.At(0) / denominator.At(0);
  }
  return outcome;
}

class PaddingTest : public testing::TestWithParam<const char*> {};

TEST_P(PaddingTest, IsAsIfItWereNotThere) {
  const std::string gate = absl::StrCat(R"({"type": ")", GetParam(), "\"}");
  const auto alone = Apply(gate, kReal, 0);
  const auto padded = Apply(gate, kPadded, 11), other = Apply(gate, kPadded, 12);
  ASSERT_TRUE(alone.ok() && padded.ok() && other.ok())
      << alone.status() << padded.status() << other.status();
  EXPECT_EQ(padded->y, other->y);
  EXPECT_GT(alone->sums.size(), 8u);
  for (size_t i = 0; i < padded->y.size(); ++i) {
    if (i < static_cast<size_t>(kReal * kWidth)) {
      EXPECT_NEAR(padded->y[i], alone->y[i], 1e-13) << i;
    } else {
      EXPECT_EQ(padded->y[i], 0) << i;
    }
  }
  EXPECT_GT(std::abs(alone->loss), 0.1);
  EXPECT_NEAR(padded->loss, alone->loss, 1e-12);
  for (const auto& [name, value] : alone->sums) {
    EXPECT_NEAR(padded->sums.at(name), value, 1e-12) << name;
  }
}

INSTANTIATE_TEST_SUITE_P(Gates, PaddingTest,
                         testing::Values("TopKGate", "SwitchGate", "GShardGate", "NoisyTopKGate",
                                         "DeepSeekGate", "CosineGate", "ReluGate", "TopPGate",
                                         "SinkhornGate", "HashGate", "QuantileGate", "SwipeGate"),
                         [](const auto& info) { return std::string(info.param); });

// Experts that choose tokens have as much room as with padding, but do not take it.
TEST(PaddingOfGatesTest, ExpertsDoNotChooseIt) {
  const std::string gate = R"({"type": "ExpertChoiceGate"})";
  const auto padded = Apply(gate, kPadded, 11), other = Apply(gate, kPadded, 12);
  ASSERT_TRUE(padded.ok() && other.ok()) << padded.status() << other.status();
  EXPECT_EQ(padded->y, other->y);
  EXPECT_EQ(padded->sums, other->sums);
  for (size_t i = kReal * kWidth; i < padded->y.size(); ++i) EXPECT_EQ(padded->y[i], 0) << i;
}

TEST(PaddingOfGatesTest, AGateThatCannotSaysSo) {
  const auto refused = Apply(R"({"type": "BaseGate"})", kPadded, 1);
  EXPECT_EQ(refused.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(refused.status().message()),
              HasSubstr("cannot leave out padding; set `skip_padding` of the mixture to false"));
}

}  // namespace
}  // namespace tessera
