// Method: what must be true of a mixture of experts whatever its numbers: the order of tokens and
// the names of experts do not matter, bit by bit; one expert is the dense layer, bit by bit; no
// tokens, all tokens at one expert and experts without tokens are ordinary cases; what a gate gets
// wrong is an error that says where.
#include <algorithm>
#include <cmath>
#include <cstring>
#include <numeric>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/moe/layer_run.h"
#include "tests/nn/model_json.h"

namespace tessera {
namespace {

using testing::HasSubstr;

constexpr int64_t kSize = 24;
constexpr char kSix[] = R"("num_experts": 6, "expert": {"hidden_dim": 40}, "balance": [])";

RunOptions Options(int64_t batch, int64_t length, DType dtype = DType::kF32) {
  RunOptions options;
  options.dtype = dtype;
  options.mode = Mode::kEvaluate;
  options.sizes = {{"B", batch}, {"T", length}};
  return options;
}

std::string Row(const Tensor& y, int64_t row) {
  const size_t bytes = y.bytes() / static_cast<size_t>(y.dims[0] * y.dims[1]);
  return std::string(y.data_as<char>() + static_cast<size_t>(row) * bytes, bytes);
}

class DTypeTest : public testing::TestWithParam<DType> {};

TEST_P(DTypeTest, PermutingTokensPermutesOutputs) {
  auto layer = LayerRun::Create(kSix, kSize, Options(2, 60, GetParam()));
  ASSERT_TRUE(layer.ok()) << layer.status();
  layer->run().FillParams(1);
  const Matrix x = LayerRun::SomeTokens(120, kSize, 2);
  const auto y = layer->Apply(x);
  ASSERT_TRUE(y.ok()) << y.status();
  std::vector<std::string> expected;
  for (int64_t t = 0; t < 120; ++t) expected.push_back(Row(*y, t));
  Matrix moved(x.size());
  for (size_t t = 0; t < x.size(); ++t) moved[(t * 77 + 13) % x.size()] = x[t];
  const auto z = layer->Apply(moved);
  ASSERT_TRUE(z.ok()) << z.status();
  for (size_t t = 0; t < x.size(); ++t) {
    EXPECT_TRUE(Row(*z, static_cast<int64_t>((t * 77 + 13) % x.size())) == expected[t]) << t;
  }
}

TEST_P(DTypeTest, RenamingExpertsChangesNothing) {
  auto layer = LayerRun::Create(kSix, kSize, Options(1, 50, GetParam()));
  ASSERT_TRUE(layer.ok()) << layer.status();
  layer->run().FillParams(1);
  const Matrix x = LayerRun::SomeTokens(50, kSize, 4);
  const auto y = layer->Apply(x);
  ASSERT_TRUE(y.ok()) << y.status();
  const std::string expected(y->data_as<char>(), y->bytes());
  constexpr int64_t kNew[] = {3, 0, 5, 1, 4, 2};
  for (const ProgramParam& param : layer->run().program().params) {
    Tensor tensor = layer->run().Param(param.path);
    const std::vector<double> old = layer->Values(param.path);
    const bool is_gate = param.path == "gate/weight";
    const int64_t each = tensor.count() / 6;
    for (int64_t e = 0; e < 6; ++e) {
      for (int64_t i = 0; i < each; ++i) {
        const int64_t from = is_gate ? i * 6 + e : e * each + i;
        const int64_t to = is_gate ? i * 6 + kNew[e] : kNew[e] * each + i;
        tensor.Put(to, old[static_cast<size_t>(from)]);
      }
    }
  }
  const auto z = layer->Apply(x);
  ASSERT_TRUE(z.ok()) << z.status();
  EXPECT_TRUE(std::string(z->data_as<char>(), z->bytes()) == expected);
}

TEST_P(DTypeTest, OneExpertIsTheDenseLayer) {
  const Matrix x = LayerRun::SomeTokens(70, kSize, 4);
  auto mixture = LayerRun::Create(
      R"("num_experts": 1, "top_k": 1, "expert": {"hidden_dim": 40, "bias": true}, "balance": [])",
      kSize, Options(1, 70, GetParam()));
  auto dense = LayerRun::Create(R"("hidden_dim": 40, "bias": true)", kSize,
                                Options(1, 70, GetParam()), "FeedForward");
  ASSERT_TRUE(mixture.ok() && dense.ok()) << mixture.status() << dense.status();
  mixture->run().FillParams(1);
  for (const ProgramParam& param : dense->run().program().params) {
    const std::vector<double> values = mixture->Values(absl::StrCat("experts/", param.path));
    Tensor tensor = dense->run().Param(param.path);
    ASSERT_EQ(static_cast<size_t>(tensor.count()), values.size()) << param.path;
    for (size_t i = 0; i < values.size(); ++i) tensor.Put(static_cast<int64_t>(i), values[i]);
  }
  const auto y = mixture->Apply(x);
  const auto z = dense->Apply(x);
  ASSERT_TRUE(y.ok() && z.ok()) << y.status() << z.status();
  EXPECT_EQ(std::memcmp(y->data(), z->data(), z->bytes()), 0);
}

INSTANTIATE_TEST_SUITE_P(DTypes, DTypeTest,
                         testing::Values(DType::kF64, DType::kF32, DType::kBF16),
                         [](const auto& info) { return std::string(Name(info.param)); });

// A gate of zeros: every choice is a tie, and the lowest experts win.
TEST(MixtureLayerTest, AllTokensAtOneExpert) {
  for (const char* experts : {"2", "257"}) {
    auto layer = LayerRun::Create(
        absl::StrCat(R"("top_k": 1, "expert": {"hidden_dim": 9}, "balance": [], "num_experts": )",
                     experts),
        kSize, Options(1, 400));
    ASSERT_TRUE(layer.ok()) << layer.status();
    layer->run().FillParams(1);
    Tensor gate = layer->run().Param("gate/weight");
    for (int64_t i = 0; i < gate.count(); ++i) gate.Put(i, 0);
    // The weights of the others must not matter at all.
    Tensor up = layer->run().Param("experts/up_proj/weight");
    for (int64_t i = kSize * 9; i < up.count(); ++i) up.Put(i, NAN);
    const auto y = layer->Apply(LayerRun::SomeTokens(400, kSize, 1));
    ASSERT_TRUE(y.ok()) << y.status();
    double sum = 0;
    for (int64_t i = 0; i < y->count(); ++i) sum += std::abs(y->At(i));
    EXPECT_TRUE(std::isfinite(sum));
    EXPECT_GT(sum, 0);
  }
}

TEST(MixtureLayerTest, NoTokens) {
  auto layer = LayerRun::Create(kSix, kSize, Options(0, 5));
  ASSERT_TRUE(layer.ok()) << layer.status();
  layer->run().FillParams(1);
  const auto y = layer->Apply({});
  ASSERT_TRUE(y.ok()) << y.status();
  EXPECT_EQ(y->count(), 0);
}

// Room for one token at each of two experts; the others get zero.
TEST(MixtureLayerTest, DroppedTokensGetZero) {
  auto layer = LayerRun::Create(
      R"("num_experts": 2, "top_k": 1, "expert": {"hidden_dim": 4}, "balance": [],
         "capacity_factor": 0.2)",
      kSize, Options(1, 10));
  ASSERT_TRUE(layer.ok()) << layer.status();
  layer->run().FillParams(1);
  const auto y = layer->Apply(LayerRun::SomeTokens(10, kSize, 1));
  ASSERT_TRUE(y.ok()) << y.status();
  int zero = 0;
  for (int64_t t = 0; t < 10; ++t) {
    const std::string row = Row(*y, t);
    zero += std::all_of(row.begin(), row.end(), [](char c) { return c == 0; }) ? 1 : 0;
  }
  EXPECT_EQ(zero, 8);
}

TEST(MixtureLayerTest, ParametersAreKeyedByExpert) {
  auto layer = LayerRun::Create(kSix, kSize, Options(1, 4));
  ASSERT_TRUE(layer.ok()) << layer.status();
  std::vector<std::string> paths;
  for (const ProgramParam& param : layer->run().program().params) {
    paths.push_back(absl::StrCat(param.path, " ", ToText(param.dims)));
    if (param.path.starts_with("experts/")) {
      EXPECT_EQ(param.spec.logical_dims.front(), "expert") << param.path;
    }
  }
  EXPECT_THAT(paths, testing::UnorderedElementsAre(
                         "gate/weight [24,6]", "experts/up_proj/weight [6,24,40]",
                         "experts/gate_proj/weight [6,24,40]",
                         "experts/down_proj/weight [6,40,24]"));
}

// --- What a gate may get wrong: ids and weights as if somebody's gate had made them. ---

absl::Status RunPlan(const std::vector<double>& ids, const std::vector<double>& weights) {
  Function main("main");
  const Dims dims = {Dim::Symbol("B"), Dim::Symbol("T"), Dim(2)};
  const ValueId id = main.AddInput("ids", InputKind::kArgument, {DType::kI32, dims});
  const ValueId weight = main.AddInput("weights", InputKind::kArgument, {DType::kF32, dims});
  Graph graph(OpTable::Builtin(), main);
  const auto plan = graph.Ops(
      "plan", {id, weight}, {{"num_experts", int64_t{4}}, {"rows_per_token", int64_t{2}}}, 4);
  RETURN_IF_ERROR(graph.status());
  for (size_t i = 0; i < plan.size(); ++i) main.AddOutput(absl::StrCat("y", i), plan[i]);
  ASSIGN_OR_RETURN(auto run, ModelRun::OfFunction(main, Options(1, 2)));
  RETURN_IF_ERROR(run->SetInput("ids", 0, ids));
  RETURN_IF_ERROR(run->SetInput("weights", 0, weights));
  return run->executor().Run({ActionKind::kForward});
}

TEST(WrongGateTest, ErrorsSayTokenSlotAndValue) {
  const std::vector<double> fine = {1, 1, 1, 1};
  EXPECT_TRUE(RunPlan({0, 1, 3, -1}, fine).ok());
  const auto message = [](const std::vector<double>& ids, const std::vector<double>& weights) {
    const absl::Status status = RunPlan(ids, weights);
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << status;
    return std::string(status.message());
  };
  EXPECT_THAT(message({0, 1, 4, 1}, fine),
              HasSubstr("token 1, slot 0: expected expert 0 to 3, or -1 for none, got 4"));
  EXPECT_THAT(message({0, 1, 2, -2}, fine), HasSubstr("token 1, slot 1: expected expert 0 to 3"));
  EXPECT_THAT(message({0, 1, 2, 2}, fine),
              HasSubstr("token 1, slot 1: expert 2 is chosen twice"));
  EXPECT_THAT(message({0, 1, 2, 3}, {1, NAN, 1, 1}),
              HasSubstr("token 0, slot 1: the weight of expert 1 is nan"));
}

TEST(WrongConfigTest, ErrorsNameTheField) {
  const auto message = [](const std::string& fields) {
    return std::string(LayerRun::Create(fields, kSize, Options(1, 4)).status().message());
  };
  EXPECT_THAT(message(R"("num_experts": 2, "top_k": 3, "expert": {"hidden_dim": 4})"),
              HasSubstr("k must be between 0 and the last dim"));
  EXPECT_THAT(message(R"("num_experts": 3, "expert": null,
                         "experts": [{"type": "FeedForward", "hidden_dim": 4}])"),
              HasSubstr("num_experts must be the number of experts in the list, 1, got 3"));
  EXPECT_THAT(message(R"("expert": {"hidden_dim": 4},
                         "experts": [{"type": "FeedForward", "hidden_dim": 4}])"),
              HasSubstr("set expert to null"));
  EXPECT_THAT(message(R"("expert": null)"), HasSubstr("expected an expert, or a list of experts"));
  EXPECT_THAT(message(R"("num_experts": 8, "gate": {"type": "DeepSeekGate", "num_groups": 4,
                          "top_groups": 1, "top_k": 4}, "expert": {"hidden_dim": 4})"),
              HasSubstr("DeepSeekGate: expected top_groups"));
}

}  // namespace
}  // namespace tessera
