// Method: one layer-like function is cut by every policy; what is saved is read off the forward
// function, and forward and backward, run one after the other by the interpreter, must give the
// bits of the joint function.
#include "cpp/autodiff/cut.h"

#include <set>

#include "cpp/base/philox.h"
#include "cpp/exec/kernel_choice.h"
#include "cpp/ir/graph.h"
#include "cpp/ir/printer.h"
#include "cpp/ir/verifier.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "kernels/cpu/internal/cpu_features.h"
#include "tests/ops/interpreter.h"

namespace tessera {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

constexpr int64_t kWidth = 96, kRows = 5;

// y = x + silu(norm(x) w) v, with products dear enough to be kept by the selective policy.
struct Layer {
  Layer() : function(std::make_shared<Function>("layer")), graph(OpTable::Builtin(), *function) {
    const ValueId x = function->AddInput("x", InputKind::kArgument,
                                         {DType::kF64, {Dim::Symbol("B"), kWidth}});
    const ValueId scale = Param("scale", {kWidth});
    const ValueId w = Param("w", {kWidth, kWidth}), v = Param("v", {kWidth, kWidth});
    normed = graph.Op("rms_norm", {x, scale});
    up = graph.MatMul(normed, w);
    act = graph.Op("silu", {up});
    function->AddOutput("y", graph.Add(x, graph.MatMul(act, v)));
    EXPECT_TRUE(graph.ok()) << graph.status();
    joint = Differentiate(*function, OpTable::Builtin(), {true, true, true, true}, {true}).value();
  }
  ValueId Param(const std::string& name, const Dims& dims) {
    return function->AddInput(name, InputKind::kParam, {DType::kF64, dims});
  }
  CutFunctions CutBy(RecomputePolicy policy, bool apart = false, bool accumulate = false) const {
    auto cut = Cut(*function, joint, OpTable::Builtin(), {{policy, {}}, apart, accumulate});
    EXPECT_TRUE(cut.ok()) << cut.status();
    return *std::move(cut);
  }

  std::shared_ptr<Function> function;
  Graph graph;
  ValueId normed, up, act;
  JointFunction joint;
};

std::vector<std::string> OutputNames(const Function& function) {
  std::vector<std::string> names;
  for (const FunctionOutput& output : function.outputs()) names.push_back(output.name);
  return names;
}

std::multiset<std::string> Ops(const Function& function) {
  std::multiset<std::string> names;
  for (const Node& node : function.nodes()) names.insert(node.op->name());
  return names;
}

// Values of the forward function that it saves, as ops that made them.
std::vector<std::string> SavedOps(const CutFunctions& cut) {
  std::vector<std::string> names;
  for (const FunctionOutput& output : cut.forward->outputs()) {
    if (!output.name.starts_with("saved/")) continue;
    names.push_back(cut.forward->nodes()[cut.forward->value(output.value).node].op->name());
  }
  return names;
}

TEST(CutTest, PoliciesSaveWhatTheirNamesSay) {
  const Layer layer;
  EXPECT_THAT(SavedOps(layer.CutBy(RecomputePolicy::kNone)),
              UnorderedElementsAre("rms_norm", "matmul", "silu"));
  EXPECT_THAT(SavedOps(layer.CutBy(RecomputePolicy::kSelective)), ElementsAre("matmul"));
  EXPECT_THAT(SavedOps(layer.CutBy(RecomputePolicy::kFull)), IsEmpty());
}

TEST(CutTest, FullRecomputesInTheBackward) {
  const Layer layer;
  const auto none = Ops(*layer.CutBy(RecomputePolicy::kNone).backward.function);
  const auto full = Ops(*layer.CutBy(RecomputePolicy::kFull).backward.function);
  EXPECT_EQ(full.count("matmul"), none.count("matmul") + 1) << "up, and not the last product";
  EXPECT_EQ(full.count("rms_norm"), 1u);
  EXPECT_EQ(none.count("rms_norm"), 0u);
}

TEST(CutTest, NamedOpsAreComputedAgainWhateverThePolicy) {
  const Layer layer;
  const auto cut = Cut(*layer.function, layer.joint, OpTable::Builtin(),
                       {{RecomputePolicy::kNone, {"rms_norm"}}});
  ASSERT_TRUE(cut.ok()) << cut.status();
  const auto none = Ops(*layer.CutBy(RecomputePolicy::kNone).backward.function);
  const auto named = Ops(*cut->backward.function);
  EXPECT_EQ(named.count("rms_norm"), 1u);
  EXPECT_EQ(named.count("matmul"), none.count("matmul"));
}

TEST(CutTest, TheForwardKeepsItsResultsFirst) {
  const Layer layer;
  const CutFunctions cut = layer.CutBy(RecomputePolicy::kNone);
  EXPECT_EQ(OutputNames(*cut.forward)[0], "y");
  EXPECT_EQ(OutputNames(*cut.backward.function),
            (std::vector<std::string>{"gradient/x", "gradient/scale", "gradient/w", "gradient/v"}));
  EXPECT_THAT(cut.backward.gradient_outputs, ElementsAre(0, 1, 2, 3));
  EXPECT_TRUE(Verify(*cut.forward).ok());
  EXPECT_TRUE(Verify(*cut.backward.function).ok());
}

TEST(CutTest, InputAndWeightGradientsShareWhatIsComputed) {
  const Layer layer;
  const CutFunctions cut = layer.CutBy(RecomputePolicy::kNone, /*apart=*/true);
  EXPECT_EQ(cut.backward.function, nullptr);
  EXPECT_THAT(cut.input_gradient.gradient_outputs, ElementsAre(0, -1, -1, -1));
  EXPECT_EQ(cut.weight_gradient.gradient_outputs[0], -1);
  const auto whole = Ops(*layer.CutBy(RecomputePolicy::kNone).backward.function);
  const auto input = Ops(*cut.input_gradient.function);
  const auto weight = Ops(*cut.weight_gradient.function);
  EXPECT_EQ(input.count("matmul") + weight.count("matmul"), whole.count("matmul"));
  EXPECT_EQ(input.count("silu_grad") + weight.count("silu_grad"), 1u);
  EXPECT_EQ(weight.count("silu_grad"), 0u) << "passed on, not computed again";
}

TEST(CutTest, AccumulatorsComeInForParametersOnly) {
  const Layer layer;
  const CutFunctions cut = layer.CutBy(RecomputePolicy::kSelective, false, /*accumulate=*/true);
  std::vector<int> accumulated;
  for (const BackwardInput& input : cut.backward.inputs) {
    if (input.source == BackwardInput::kAccumulator) accumulated.push_back(input.index);
  }
  EXPECT_THAT(accumulated, ElementsAre(1, 2, 3));
}

Tensor Numbers(const std::vector<int64_t>& dims, uint64_t seed) {
  Tensor tensor = Tensor::Zeros(DType::kF64, dims).value();
  for (int64_t i = 0; i < tensor.count(); ++i) {
    tensor.Put(i, philox::UnitDouble(PhiloxU64(seed, 0, static_cast<uint64_t>(i))) - 0.4);
  }
  return tensor;
}

const InterpretOptions kAtRows = {.sizes = {{"B", kRows}}};

// Runs one backward function on what its inputs name.
std::vector<Tensor> RunBackward(const BackwardFunction& backward,
                                const std::vector<Tensor>& forward_inputs,
                                const std::vector<Tensor>& forward_outputs,
                                const Tensor& cotangent, const std::vector<Tensor>& passed) {
  std::vector<Tensor> inputs;
  for (const BackwardInput& input : backward.inputs) {
    switch (input.source) {
      case BackwardInput::kForwardInput:
        inputs.push_back(forward_inputs[input.index]);
        break;
      case BackwardInput::kForwardOutput:
        inputs.push_back(forward_outputs[input.index]);
        break;
      case BackwardInput::kCotangent:
        inputs.push_back(cotangent);
        break;
      case BackwardInput::kPassed:
        inputs.push_back(passed[input.index]);
        break;
      case BackwardInput::kAccumulator:
        ADD_FAILURE() << "not asked for";
    }
  }
  const auto results = Interpret(*backward.function, inputs, kAtRows);
  EXPECT_TRUE(results.ok()) << results.status();
  return results.ok() ? *results : std::vector<Tensor>();
}

void ExpectSame(const Tensor& got, const Tensor& want) {
  ASSERT_EQ(got.dims, want.dims);
  EXPECT_EQ(std::memcmp(got.data(), want.data(), want.bytes()), 0);
}

TEST(CutTest, EveryFormGivesTheBitsOfTheJointFunction) {
  const Layer layer;
  const std::vector<Tensor> inputs = {Numbers({kRows, kWidth}, 1), Numbers({kWidth}, 2),
                                      Numbers({kWidth, kWidth}, 3), Numbers({kWidth, kWidth}, 4)};
  const Tensor cotangent = Numbers({kRows, kWidth}, 5);
  Function joint = *layer.joint.function;
  joint.ClearOutputs();
  for (ValueId id : layer.joint.gradients) joint.AddOutput("gradient", id);
  std::vector<Tensor> joint_inputs = inputs;
  joint_inputs.push_back(cotangent);
  const auto expected = Interpret(joint, joint_inputs, kAtRows);
  ASSERT_TRUE(expected.ok()) << expected.status();
  for (RecomputePolicy policy :
       {RecomputePolicy::kNone, RecomputePolicy::kSelective, RecomputePolicy::kFull}) {
    SCOPED_TRACE(static_cast<int>(policy));
    const CutFunctions whole = layer.CutBy(policy);
    const auto saved = Interpret(*whole.forward, inputs, kAtRows);
    ASSERT_TRUE(saved.ok()) << saved.status();
    const auto gradients = RunBackward(whole.backward, inputs, *saved, cotangent, {});
    ASSERT_EQ(gradients.size(), 4u);
    for (size_t i = 0; i < 4; ++i) ExpectSame(gradients[i], (*expected)[i]);
    const CutFunctions apart = layer.CutBy(policy, true);
    const auto saved_apart = Interpret(*apart.forward, inputs, kAtRows);
    ASSERT_TRUE(saved_apart.ok()) << saved_apart.status();
    const auto first = RunBackward(apart.input_gradient, inputs, *saved_apart, cotangent, {});
    ASSERT_FALSE(first.empty());
    const auto second =
        RunBackward(apart.weight_gradient, inputs, *saved_apart, cotangent, first);
    ASSERT_EQ(second.size(), 3u);
    ExpectSame(first[0], (*expected)[0]);
    for (size_t i = 1; i < 4; ++i) {
      ExpectSame(second[apart.weight_gradient.gradient_outputs[i]], (*expected)[i]);
    }
  }
}

// A residual stream's gradient is the cotangent itself on the way through: outputs that are inputs.
TEST(CutTest, AGradientMayBeTheCotangentItself) {
  auto function = std::make_shared<Function>("bias");
  Graph graph(OpTable::Builtin(), *function);
  const ValueId x = function->AddInput("x", InputKind::kArgument, {DType::kF64, {kWidth}});
  const ValueId b = function->AddInput("b", InputKind::kParam, {DType::kF64, {kWidth}});
  function->AddOutput("y", graph.Add(x, b));
  const auto joint = Differentiate(*function, OpTable::Builtin(), {true, true}, {true});
  ASSERT_TRUE(joint.ok()) << joint.status();
  for (bool apart : {false, true}) {
    const CutOptions options = {{RecomputePolicy::kFull, {}}, apart};
    const auto cut = Cut(*function, *joint, OpTable::Builtin(), options);
    ASSERT_TRUE(cut.ok()) << cut.status();
    const BackwardFunction& last = apart ? cut->weight_gradient : cut->backward;
    const auto results = RunBackward(last, {}, {}, Numbers({kWidth}, 1), {});
    ASSERT_EQ(results.size(), apart ? 1u : 2u);
    ExpectSame(results.back(), Numbers({kWidth}, 1));
  }
}

// Costs are judged at nominal sizes, for any expression.
TEST(CutTest, DimsMayBeExpressions) {
  for (const char* dims : {"2*B+3", "ceil_div(B,16)", "B*T", "min(B,T)", "long_name_2"}) {
    auto function = std::make_shared<Function>("f");
    Graph graph(OpTable::Builtin(), *function);
    const ValueId x =
        function->AddInput("x", InputKind::kArgument, {DType::kF32, ParseDims(dims).value()});
    function->AddOutput("y", graph.Op("exp", {graph.Op("tanh", {x})}));
    const auto joint = Differentiate(*function, OpTable::Builtin(), {true}, {true});
    ASSERT_TRUE(joint.ok()) << joint.status();
    const auto cut =
        Cut(*function, *joint, OpTable::Builtin(), {RecomputePolicy::kSelective});
    ASSERT_TRUE(cut.ok()) << cut.status();
    EXPECT_THAT(SavedOps(*cut), IsEmpty()) << dims;
  }
}

TEST(CutTest, PolicyNames) {
  EXPECT_EQ(RecomputePolicyFromName("none").value(), RecomputePolicy::kNone);
  EXPECT_EQ(RecomputePolicyFromName("selective").value(), RecomputePolicy::kSelective);
  EXPECT_EQ(RecomputePolicyFromName("full").value(), RecomputePolicy::kFull);
  EXPECT_EQ(RecomputePolicyFromName("some").status().message(),
            "recompute policy: expected none, selective or full, got 'some'");
}

}  // namespace
}  // namespace tessera
