// What a joint function looks like: which values have gradients, in which order they are added, in
// which dtype, and which node is for what. That gradients are right is shown by tests/ops (each
// op), tests/compile (random programs) and tests/nn (modules).
#include "cpp/autodiff/differentiate.h"

#include "cpp/ir/gradient_context.h"
#include "cpp/ir/graph.h"
#include "cpp/ir/printer.h"
#include "cpp/ir/verifier.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace tessera {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

struct Builder {
  Builder() : function(std::make_shared<Function>("f")), graph(OpTable::Builtin(), *function) {}
  ValueId In(const std::string& name, const Dims& dims, DType dtype = DType::kF32,
             InputKind kind = InputKind::kArgument) {
    return function->AddInput(name, kind, {dtype, dims});
  }
  absl::StatusOr<JointFunction> Joint(std::vector<bool> active,
                                      std::vector<bool> differentiated = {true}) {
    EXPECT_TRUE(graph.ok()) << graph.status();
    auto joint = Differentiate(*function, OpTable::Builtin(), active, differentiated);
    if (joint.ok()) {
      EXPECT_TRUE(Verify(*joint->function).ok()) << Verify(*joint->function);
    }
    return joint;
  }

  std::shared_ptr<Function> function;
  Graph graph;
};

// Names of the ops after the forward ones.
std::vector<std::string> GradientOps(const JointFunction& joint, const Function& function) {
  std::vector<std::string> names;
  for (size_t i = function.nodes().size(); i < joint.function->nodes().size(); ++i) {
    names.push_back(joint.function->nodes()[i].op->name());
  }
  return names;
}

TEST(DifferentiateTest, OnlyWhatIsAskedForHasAGradient) {
  Builder f;
  const ValueId x = f.In("x", {4}), y = f.In("y", {4}), unused = f.In("unused", {4});
  f.function->AddOutput("z", f.graph.Mul(x, y));
  EXPECT_NE(unused, kNoValue);
  const auto joint = f.Joint({true, false, true});
  ASSERT_TRUE(joint.ok()) << joint.status();
  EXPECT_NE(joint->gradients[0], kNoValue);
  EXPECT_EQ(joint->gradients[1], kNoValue);
  EXPECT_EQ(joint->gradients[2], kNoValue) << "nothing depends on it";
  EXPECT_THAT(GradientOps(*joint, *f.function), ElementsAre("mul"));
}

TEST(DifferentiateTest, InputsThatAreNoFloatsHaveNone) {
  Builder f;
  const ValueId ids = f.In("ids", {3}, DType::kI32), table = f.In("table", {5, 2});
  f.function->AddOutput("y", f.graph.Op("embedding", {ids, table}));
  const auto joint = f.Joint({true, true});
  ASSERT_TRUE(joint.ok()) << joint.status();
  EXPECT_EQ(joint->gradients[0], kNoValue);
  EXPECT_NE(joint->gradients[1], kNoValue);
}

TEST(DifferentiateTest, ContributionsAreAddedOnceInForwardOrder) {
  Builder f;
  const ValueId x = f.In("x", {4});
  const ValueId a = f.graph.Op("exp", {x}), b = f.graph.Op("sin", {x}), c = f.graph.Op("tanh", {x});
  f.function->AddOutput("y", f.graph.Op("add_n", {a, b, c}));
  const auto joint = f.Joint({true});
  ASSERT_TRUE(joint.ok()) << joint.status();
  const Function& function = *joint->function;
  const Node& sum = function.nodes()[function.value(joint->gradients[0]).node];
  ASSERT_EQ(sum.op->name(), "add_n");
  ASSERT_EQ(sum.inputs.size(), 3u);
  // What exp contributes uses exp's result, and so on: first to last in the forward text.
  const auto reads = [&](ValueId gradient, ValueId forward) {
    std::vector<ValueId> frontier = {gradient};
    while (!frontier.empty()) {
      const ValueId id = frontier.back();
      frontier.pop_back();
      if (id == forward) return true;
      const int node = function.value(id).node;
      if (node < static_cast<int>(f.function->nodes().size())) continue;
      for (ValueId input : function.nodes()[node].inputs) frontier.push_back(input);
    }
    return false;
  };
  EXPECT_TRUE(reads(sum.inputs[0], a));
  EXPECT_FALSE(reads(sum.inputs[1], a));
  EXPECT_FALSE(reads(sum.inputs[1], c));
  EXPECT_TRUE(reads(sum.inputs[2], c));
}

TEST(DifferentiateTest, AnOperandUsedTwiceIsCountedTwice) {
  Builder f;
  const ValueId x = f.In("x", {4});
  f.function->AddOutput("y", f.graph.Mul(x, x));
  const auto joint = f.Joint({true});
  ASSERT_TRUE(joint.ok()) << joint.status();
  EXPECT_THAT(GradientOps(*joint, *f.function), ElementsAre("mul", "mul", "add_n"));
}

TEST(DifferentiateTest, AnOutputThatIsAnInputGivesItsCotangent) {
  Builder f;
  const ValueId x = f.In("x", {4});
  f.function->AddOutput("x", x);
  f.function->AddOutput("y", f.graph.Op("neg", {x}));
  const auto both = f.Joint({true}, {true, true});
  ASSERT_TRUE(both.ok()) << both.status();
  EXPECT_THAT(GradientOps(*both, *f.function), ElementsAre("neg", "add_n"));
  const auto first = f.Joint({true}, {true, false});
  ASSERT_TRUE(first.ok()) << first.status();
  EXPECT_THAT(both->cotangent_inputs, ElementsAre(1, 2));
  EXPECT_THAT(first->cotangent_inputs, ElementsAre(1, -1));
  EXPECT_EQ(first->gradients[0], first->function->inputs()[1].value);
}

TEST(DifferentiateTest, OneValueInTwoOutputsGetsBothCotangents) {
  Builder f;
  const ValueId y = f.graph.Op("neg", {f.In("x", {4})});
  f.function->AddOutput("y", y);
  f.function->AddOutput("again", y);
  const auto joint = f.Joint({true}, {true, true});
  ASSERT_TRUE(joint.ok()) << joint.status();
  EXPECT_THAT(GradientOps(*joint, *f.function), ElementsAre("add_n", "neg"));
}

TEST(DifferentiateTest, ParametersHaveWideGradientsAndOtherValuesTheirOwn) {
  Builder f;
  const Dims rows = {Dim::Symbol("B"), 8};
  const ValueId x = f.In("x", rows, DType::kBF16);
  const ValueId w = f.In("w", {4, 8}, DType::kBF16, InputKind::kParam);
  // Through a view of the parameter, too.
  const ValueId y = f.graph.MatMul(x, f.graph.Reshape(w, {8, 4}));
  f.function->AddOutput("y", y);
  const auto joint = f.Joint({true, true});
  ASSERT_TRUE(joint.ok()) << joint.status();
  EXPECT_EQ(joint->function->type(joint->gradients[0]).ToText(), "bf16[B,8]");
  EXPECT_EQ(joint->function->type(joint->gradients[1]).ToText(), "f32[4,8]");
  // Made in f32 by the product itself, not rounded to bf16 on the way.
  EXPECT_THAT(GradientOps(*joint, *f.function), Not(testing::Contains("cast")));
}

TEST(DifferentiateTest, NodesAreColouredByWhatNeedsThem) {
  Builder f;
  const ValueId x = f.In("x", {Dim::Symbol("B"), 8});
  const ValueId w = f.In("w", {8, 8}, DType::kF32, InputKind::kParam);
  f.function->AddOutput("y", f.graph.Op("tanh", {f.graph.MatMul(x, w)}));
  const auto joint = f.Joint({true, true});
  ASSERT_TRUE(joint.ok()) << joint.status();
  const Function& function = *joint->function;
  for (const Node& node : function.nodes()) {
    if (node.outputs[0] == joint->gradients[1]) {
      EXPECT_EQ(node.color, NodeColor::kWeightGradient);
    } else if (node.outputs[0] == joint->gradients[0]) {
      EXPECT_EQ(node.color, NodeColor::kInputGradient);
    }
  }
  // tanh's own gradient is needed for both: it belongs to the input gradient.
  const int shared = function.value(function.nodes()[function.value(joint->gradients[1]).node]
                                        .inputs[1]).node;
  EXPECT_EQ(function.nodes()[shared].color, NodeColor::kInputGradient);
  EXPECT_EQ(function.nodes()[0].color, NodeColor::kForward);
  // Without a gradient of x everything is for the weight.
  const auto weight_only = f.Joint({false, true});
  ASSERT_TRUE(weight_only.ok()) << weight_only.status();
  for (size_t i = 2; i < weight_only->function->nodes().size(); ++i) {
    EXPECT_EQ(weight_only->function->nodes()[i].color, NodeColor::kWeightGradient);
  }
}

TEST(DifferentiateTest, GradientsStopAtOpsThatPassNone) {
  Builder f;
  const ValueId x = f.In("x", {4});
  const ValueId mask = f.graph.Cast(f.graph.Op("less", {x, x}), DType::kF32);
  f.function->AddOutput("y", f.graph.Mul(mask, f.graph.Op("sign", {x})));
  const auto joint = f.Joint({true});
  ASSERT_TRUE(joint.ok()) << joint.status();
  EXPECT_EQ(joint->gradients[0], kNoValue);
  EXPECT_THAT(ActiveOutputs(*f.function, {true}), ElementsAre(false));
}

TEST(DifferentiateTest, AnOpWithoutARuleIsNamed) {
  OpTable ops(&OpTable::Builtin());
  ASSERT_TRUE(ops.Register(OpDef("mystery").Doc("?").Signature("x[...] -> y[...]")).ok());
  auto function = std::make_shared<Function>("layer");
  Graph graph(ops, *function);
  const ValueId x = function->AddInput("x", InputKind::kArgument, {DType::kF32, {4}});
  function->AddOutput("y", graph.Op("mystery", {x}));
  const auto joint = Differentiate(*function, ops, {true}, {true});
  EXPECT_EQ(joint.status().code(), absl::StatusCode::kUnimplemented);
  EXPECT_EQ(joint.status().message(),
            "op 'mystery' in function 'layer' has no gradient rule; freeze what feeds it or use "
            "other ops");
  // Nothing is asked of it when nothing before it is trained.
  EXPECT_TRUE(Differentiate(*function, ops, {false}, {true}).ok());
}

TEST(DifferentiateTest, ARuleThatGivesOtherDimsIsABrokenInvariant) {
  OpTable ops(&OpTable::Builtin());
  ASSERT_TRUE(ops.Register(OpDef("crooked").Doc("?").Signature("x[...] -> y[...]")
                               .Gradient([](GradientContext& context) {
                                 context.SetGradient(
                                     0, context.graph().Constant(1, DType::kF32, {7}));
                                 return absl::OkStatus();
                               })).ok());
  auto function = std::make_shared<Function>("f");
  Graph graph(ops, *function);
  const ValueId x = function->AddInput("x", InputKind::kArgument, {DType::kF32, {4}});
  function->AddOutput("y", graph.Op("crooked", {x}));
  const auto joint = Differentiate(*function, ops, {true}, {true});
  EXPECT_EQ(joint.status().code(), absl::StatusCode::kInternal);
  EXPECT_THAT(std::string(joint.status().message()),
              HasSubstr("gradient of 'crooked' for operand 0 is f32[7]"));
}

TEST(DifferentiateTest, GradientDTypesAreWide) {
  EXPECT_EQ(GradientDType(DType::kBF16), DType::kF32);
  EXPECT_EQ(GradientDType(DType::kF16), DType::kF32);
  EXPECT_EQ(GradientDType(DType::kF32), DType::kF32);
  EXPECT_EQ(GradientDType(DType::kF64), DType::kF64);
}

}  // namespace
}  // namespace tessera
