// Method: what mixtures of experts ask of the core, each on its own: functions of totals in main,
// buffers that move at the commit, many copies of a module as one function. Errors say what to do;
// traced functions come back from text and bytes as they were.
#include "cpp/ir/printer.h"
#include "cpp/ir/text_parser.h"
#include "cpp/nn/grouped.h"
#include "cpp/nn/stored_functions.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/nn/model_json.h"
#include "tests/nn/model_run.h"

namespace tessera {
namespace {

using testing::HasSubstr;

constexpr char kMixture[] = R"("type": "MixtureOfExperts", "num_experts": 4,
    "gate": {"type": "DeepSeekGate"}, "expert": {"hidden_dim": 5, "bias": true},
    "balance": [{"type": "LoadBalance"}, {"type": "LoadMetrics"},
                {"type": "LoadBalance", "scope": "sequence", "name": "by_sequence"}])";

FunctionRef TracedMain(Mode mode) {
  ModelParts parts;
  parts.feed_forward = kMixture;
  const auto main = TraceJson(ModelJson(parts), {DType::kF32, mode});
  EXPECT_TRUE(main.ok()) << main.status();
  return main.ok() ? *main : nullptr;
}

TEST(TotalsTest, LayersAddUpIntoOneLossAndMetricsStayApart) {
  const FunctionRef main = TracedMain(Mode::kTrain);
  ASSERT_NE(main, nullptr);
  std::map<std::string, int> losses, metrics, buffers;
  for (const FunctionOutput& output : main->outputs()) {
    losses[output.name] += output.kind == OutputKind::kLossNumerator ? 1 : 0;
    metrics[output.name] += output.kind == OutputKind::kMetricNumerator ? 1 : 0;
    buffers[output.name] += output.kind == OutputKind::kBuffer ? 1 : 0;
    EXPECT_NE(output.kind, OutputKind::kStatistic) << output.name;
    EXPECT_NE(output.kind, OutputKind::kContribution) << output.name;
  }
  EXPECT_EQ(losses["load_balance"], 1);
  EXPECT_EQ(losses["by_sequence"], 1);
  for (const char* layer : {"0", "1"}) {
    const std::string at = absl::StrCat("decoder/layers/", layer, "/feed_forward/");
    EXPECT_EQ(metrics[at + "balance/1/max_violation"], 1);
    EXPECT_EQ(metrics[at + "balance/1/entropy"], 1);
    EXPECT_EQ(buffers[at + "gate/bias"], 1);
  }
}

TEST(TotalsTest, OutsideOfTrainingThereIsNothingToAddUp) {
  for (const Mode mode : {Mode::kEvaluate, Mode::kDecode}) {
    const FunctionRef main = TracedMain(mode);
    ASSERT_NE(main, nullptr);
    for (const FunctionOutput& output : main->outputs()) {
      EXPECT_NE(output.kind, OutputKind::kBuffer) << output.name;
      EXPECT_THAT(output.name, testing::Not(HasSubstr("load_balance")));
    }
    EXPECT_GE(main->FindInput("decoder/layers/1/feed_forward/gate/bias", InputKind::kParam), 0);
  }
}

TEST(TotalsTest, EqualNamesMustMeanTheSame) {
  Totals totals(OpTable::Builtin());
  Function function("layer");
  const ValueId a = function.AddInput("a", InputKind::kArgument, {DType::kF32, {Dim(4)}});
  const ValueId b = function.AddInput("b", InputKind::kArgument, {DType::kF32, {Dim(5)}});
  Statistic statistic;
  statistic.name = "load";
  statistic.sums = {a};
  statistic.loss = [](Graph& graph, const Values& sums) { return graph.Sum(sums[0], {0}); };
  ASSERT_TRUE(totals.Add(statistic, function).ok());
  ASSERT_TRUE(totals.Add(statistic, function).ok());
  Statistic other = statistic;
  other.weight = 2;
  EXPECT_THAT(std::string(totals.Add(other, function).message()),
              HasSubstr("statistic 'load': another layer adds one of this name with another "
                        "weight"));
  other = statistic;
  other.sums = {b};
  EXPECT_THAT(std::string(totals.Add(other, function).message()), HasSubstr("size or function"));
  other = statistic;
  other.name = "a/b";
  EXPECT_THAT(std::string(totals.Add(other, function).message()), HasSubstr("without / and #"));
  other.name = "vector";
  other.loss = [](Graph&, const Values& sums) { return sums[0]; };
  EXPECT_THAT(std::string(totals.Add(other, function).message()),
              HasSubstr("its loss is f32[4], expected dims []"));
}

TEST(TotalsTest, MainComesBackFromTextAndBytes) {
  ModelParts parts;
  parts.feed_forward = kMixture;
  const auto config = ResolvedConfig(ModelJson(parts));
  ASSERT_TRUE(config.ok()) << config.status();
  const ModuleTable modules;
  const auto traced = TraceAllModes(OpTable::Builtin(), modules, config->root(), DType::kBF16);
  ASSERT_TRUE(traced.ok()) << traced.status();
  const auto bytes = SerializeFunctions(*traced);
  ASSERT_TRUE(bytes.ok()) << bytes.status();
  const auto read = ParseFunctions(*bytes, OpTable::Builtin());
  ASSERT_TRUE(read.ok()) << read.status();
  for (const Mode mode : {Mode::kTrain, Mode::kEvaluate, Mode::kDecode}) {
    const FunctionRef main = FindStored(*traced, config->root(), DType::kBF16, mode);
    const FunctionRef back = FindStored(*read, config->root(), DType::kBF16, mode);
    ASSERT_TRUE(main != nullptr && back != nullptr) << Name(mode);
    EXPECT_TRUE(StructurallyEqual(*main, *back)) << Name(mode);
    const auto parsed = ParseFunctionText(ToTextWithCallees(*main), OpTable::Builtin());
    ASSERT_TRUE(parsed.ok()) << parsed.status();
    EXPECT_TRUE(StructurallyEqual(*main, **parsed)) << Name(mode);
  }
}

// What looks at all tokens of a micro-batch cannot be shared by ranks; everything else can.
TEST(TotalsTest, RanksMayShareWhatDoesNotNeedAllTokens) {
  const auto refusal = [](const std::string& fields) {
    ModelParts parts;
    parts.feed_forward = absl::StrCat(R"("type": "MixtureOfExperts", "num_experts": 3,
        "expert": {"hidden_dim": 5}, )", fields);
    const auto main = TraceJson(ModelJson(parts), {DType::kF32, Mode::kTrain});
    EXPECT_TRUE(main.ok()) << main.status();
    CompileOptions options;
    options.gradients = true;
    options.micro_batches = 2;
    const auto program = Compile(**main, OpTable::Builtin(), options);
    EXPECT_TRUE(program.ok()) << program.status();
    return program.ok() ? (*program)->not_data_parallel : "no program";
  };
  for (const char* gate : {"TopKGate", "SwitchGate", "GShardGate", "NoisyTopKGate", "DeepSeekGate",
                           "ExpertChoiceGate", "BaseGate", "CosineGate", "ReluGate", "TopPGate",
                           "HashGate", "QuantileGate", "SwipeGate"}) {
    EXPECT_EQ(refusal(absl::StrCat(R"("top_k": 2, "gate": {"type": ")", gate, R"("})")), "")
        << gate;
  }
  EXPECT_EQ(refusal(R"("capacity_factor": 1, "group": "sequence")"), "");
  EXPECT_THAT(refusal(R"("capacity_factor": 1)"), HasSubstr("drop_over_capacity"));
  EXPECT_NE(refusal(R"("gate": {"type": "SinkhornGate"})"), "");
  EXPECT_NE(refusal(R"("gate": {"type": "BaseGate", "per_sequence": false})"), "");
  EXPECT_NE(refusal(R"("gate": {"type": "SwipeGate", "per_sequence": false})"), "");
  EXPECT_NE(refusal(R"("gate": {"type": "QuantileGate", "per_sequence": false})"), "");
}

// --- Copies ---

struct OneModule {
  std::shared_ptr<Function> function = std::make_shared<Function>("one");
  Graph graph{OpTable::Builtin(), *function};
  ValueId x = function->AddInput("x", InputKind::kArgument,
                                 {DType::kF32, {Dim::Symbol("B"), Dim(3), Dim(4)}});

  ValueId Param(std::string name, Dims dims) {
    return function->AddInput(std::move(name), InputKind::kParam, {DType::kF32, std::move(dims)});
  }
  absl::StatusOr<FunctionRef> Grouped(ValueId y) {
    RETURN_IF_ERROR(graph.status());
    function->AddOutput("y", y);
    return GroupCopies(OpTable::Builtin(), function, 7);
  }
};

TEST(GroupCopiesTest, ParametersGainALeadingDim) {
  OneModule one;
  const ValueId w = one.Param("w", {Dim(4), Dim(5)}), b = one.Param("b", {Dim(5)});
  const ValueId scale = one.Param("scale", {});
  const ValueId y = one.graph.Mul(one.graph.Add(one.graph.MatMul(one.x, w), b), scale);
  const auto grouped = one.Grouped(y);
  ASSERT_TRUE(grouped.ok()) << grouped.status();
  const auto type = [&](std::string_view name, InputKind kind) {
    const int input = (*grouped)->FindInput(name, kind);
    EXPECT_GE(input, 0) << name;
    return input < 0 ? "" : (*grouped)->type((*grouped)->inputs()[input].value).ToText();
  };
  EXPECT_EQ(type("w", InputKind::kParam), "f32[7,4,5]");
  EXPECT_EQ(type("b", InputKind::kParam), "f32[7,5]");
  EXPECT_EQ(type("scale", InputKind::kParam), "f32[7]");
  EXPECT_EQ(type("owners", InputKind::kArgument), "i32[B,3]");
  EXPECT_EQ((*grouped)->type((*grouped)->outputs()[0].value).ToText(), "f32[B,3,5]");
}

TEST(GroupCopiesTest, WhatHasNoFormIsNamed) {
  {
    OneModule one;
    const ValueId y = one.graph.Op("rms_norm", {one.x, one.Param("scale", {Dim(4)})});
    const auto grouped = one.Grouped(y);
    EXPECT_EQ(grouped.status().code(), absl::StatusCode::kUnimplemented);
    EXPECT_THAT(std::string(grouped.status().message()), HasSubstr("rms_norm"));
  }
  {
    OneModule one;
    const auto grouped = one.Grouped(one.graph.Transpose(one.x, {1, 0, 2}));
    EXPECT_THAT(std::string(grouped.status().message()), HasSubstr("mixes rows"));
  }
  {
    OneModule one;
    one.function->AddInput("key", InputKind::kKey, {DType::kU32, {Dim(4)}});
    const auto grouped = one.Grouped(one.graph.Op("relu", {one.x}));
    EXPECT_EQ(grouped.status().code(), absl::StatusCode::kInvalidArgument);
    EXPECT_THAT(std::string(grouped.status().message()),
                HasSubstr("'key': a module that stands in many copies"));
  }
}

}  // namespace
}  // namespace tessera
