// Method: small networks with their gradients, laid out in several ways over meshes of one and two
// axes; the pass puts the collectives in, all ranks run, the results equal the whole run in fp64.
// Then layouts are falsified one at a time: the verifier must see it.
#include "cpp/shard/insert.h"

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "cpp/autodiff/differentiate.h"
#include "cpp/ir/graph.h"
#include "cpp/ir/printer.h"
#include "cpp/ir/verifier.h"
#include "tests/shard/shard_kit.h"

namespace tessera {
namespace {

const Placement R = Placement::Replicated();
Placement S(int dim) { return Placement::Sharded(dim); }

// loss = sum(silu(norm(x, scale) up) down * target), with the gradients of everything. B is 4 in
// the whole run.
constexpr int64_t kBatch = 4;

absl::StatusOr<JointFunction> Network() {
  auto function = std::make_shared<Function>("network");
  const auto input = [&](const char* name, const Dims& dims) {
    return function->AddInput(name, InputKind::kParam, {DType::kF64, dims});
  };
  Graph graph(OpTable::Builtin(), *function);
  const ValueId x = input("x", {Dim::Symbol("B"), 2, 8});
  const ValueId normed = graph.Op("rms_norm", {x, input("scale", {8})});
  const ValueId hidden = graph.Op("silu", {graph.MatMul(normed, input("up", {8, 12}))});
  const ValueId y = graph.MatMul(hidden, input("down", {12, 8}));
  const ValueId product = graph.Mul(y, input("target", {Dim::Symbol("B"), 2, 8}));
  function->AddOutput("loss", graph.Sum(product, {0, 1, 2}));
  RETURN_IF_ERROR(graph.status());
  return Differentiate(*function, OpTable::Builtin(), std::vector<bool>(5, true), {true});
}

struct Case {
  const char* name;
  std::vector<MeshAxis> axes;
  std::vector<Layout> inputs;      // x, scale, up, down, target, cotangent
  int collectives;
};

// The loss and all gradients as outputs.
std::shared_ptr<Function> WithGradients(const JointFunction& joint) {
  auto function = std::make_shared<Function>(*joint.function);
  function->ClearOutputs();
  function->AddOutput("loss", joint.results[0]);
  for (size_t i = 0; i < joint.gradients.size(); ++i) {
    function->AddOutput(absl::StrCat("gradient", i), joint.gradients[i]);
  }
  return function;
}

std::vector<Tensor> RandomInputs(const Function& function) {
  std::mt19937_64 random(11);
  std::normal_distribution<double> normal;
  std::vector<Tensor> inputs;
  for (const FunctionInput& input : function.inputs()) {
    std::vector<int64_t> dims = *Eval(function.type(input.value).dims, {{"B", kBatch}});
    inputs.push_back(*Tensor::Zeros(DType::kF64, dims));
    for (int64_t i = 0; i < inputs.back().count(); ++i) inputs.back().Put(i, normal(random));
  }
  return inputs;
}

class InsertTest : public testing::TestWithParam<Case> {};

TEST_P(InsertTest, RanksTogetherAreTheWholeRun) {
  const Case& param = GetParam();
  const Mesh mesh{param.axes};
  const auto joint = Network();
  ASSERT_TRUE(joint.ok()) << joint.status();
  const std::shared_ptr<Function> function = WithGradients(*joint);
  const std::vector<Tensor> inputs = RandomInputs(*function);
  const auto whole = Interpret(*function, inputs, {.sizes = {{"B", kBatch}}});
  ASSERT_TRUE(whole.ok()) << whole.status();

  InsertOptions options;
  options.inputs = param.inputs;
  // The loss whole; gradients as their parameters.
  options.outputs.push_back(Layout(mesh.axes.size(), R));
  for (size_t i = 0; i < 5; ++i) options.outputs.push_back(param.inputs[i]);
  const auto sharded = InsertCollectives(*function, OpTable::Builtin(), mesh, options);
  ASSERT_TRUE(sharded.ok()) << sharded.status();
  EXPECT_EQ(sharded->collectives(), param.collectives) << ToText(*sharded->function);
  const absl::Status verified = Verify(*sharded->function);
  EXPECT_TRUE(verified.ok()) << verified;

  std::mt19937_64 random(5);
  std::vector<std::vector<Tensor>> parts;
  for (size_t i = 0; i < inputs.size(); ++i) {
    parts.push_back(Split(inputs[i], param.inputs[i], mesh, 0, random));
  }
  const int64_t share = kBatch / (mesh.axes[0].symbols.empty() ? 1 : mesh.axes[0].size);
  const auto results =
      RunOnRanks(*sharded->function, mesh, parts, {.sizes = {{"B", share}}});
  ASSERT_TRUE(results.ok()) << results.status();
  for (size_t o = 0; o < results->size(); ++o) {
    bool replicated = true;
    const Tensor got = Combine((*results)[o], options.outputs[o], mesh, &replicated);
    EXPECT_TRUE(replicated) << o;
    ASSERT_EQ(got.dims, (*whole)[o].dims);
    for (int64_t i = 0; i < got.count(); ++i) {
      ASSERT_NEAR(got.At(i), (*whole)[o].At(i), 1e-11) << "output " << o << " [" << i << "]";
    }
  }
}

// Data: loss and the gradients of three parameters. Columns and rows of the two matrices
// ("model"): the product stays partial through all that is linear, so what is completed is the
// loss and the gradients of x, scale and target. Both: the loss and the gradient of scale on both
// axes.
INSTANTIATE_TEST_SUITE_P(
    Layouts, InsertTest,
    testing::Values(
        Case{"whole", {{"data", 3, {}}}, std::vector<Layout>(6, Layout{R}), 0},
        Case{"data", {{"data", 4, {"B"}}}, {{S(0)}, {R}, {R}, {R}, {S(0)}, {R}}, 4},
        Case{"model", {{"model", 2, {}}}, {{R}, {R}, {S(1)}, {S(0)}, {R}, {R}}, 4},
        Case{"data_and_model",
             {{"data", 2, {"B"}}, {"model", 3, {}}},
             {{S(0), R}, {R, R}, {R, S(1)}, {R, S(0)}, {S(0), R}, {R, R}},
             8}),
    [](const auto& info) { return std::string(info.param.name); });

TEST(InsertTest, ReadersShareACollective) {
  Function function("shared");
  const ValueId x = function.AddInput("x", InputKind::kArgument, {DType::kF32, {4, 6}});
  Graph graph(OpTable::Builtin(), function);
  const ValueId sum = graph.Sum(x, {0});
  function.AddOutput("a", graph.Op("silu", {sum}));
  function.AddOutput("b", graph.Op("exp", {sum}));
  ASSERT_TRUE(graph.ok());
  const auto sharded =
      InsertCollectives(function, OpTable::Builtin(), Mesh{{{"data", 2, {}}}}, {{{S(0)}}, {}});
  ASSERT_TRUE(sharded.ok()) << sharded.status();
  EXPECT_EQ(sharded->collectives(), 1);
}

// Two axes cut one dim, the first one the coarsest: parts are joined from the last axis up, and an
// axis gives way where it would have to be joined out of order.
TEST(InsertTest, AxesOfOneDimAreJoinedFromTheLastOne) {
  Function function("joined");
  const ValueId x = function.AddInput("x", InputKind::kArgument, {DType::kF64, {8, 3}});
  function.AddOutput("y", x);
  const Mesh mesh{{{"data", 2, {}}, {"model", 2, {}}}};
  const auto joined =
      InsertCollectives(function, OpTable::Builtin(), mesh, {{{S(0), S(0)}}, {{R, R}}});
  ASSERT_TRUE(joined.ok()) << joined.status();
  ASSERT_EQ(joined->collectives(), 2);
  EXPECT_EQ(joined->function->nodes()[0].attrs.Text("axis"), "model");
  EXPECT_EQ(joined->function->nodes()[1].attrs.Text("axis"), "data");
  Tensor whole = *Tensor::Zeros(DType::kF64, {8, 3});
  for (int64_t i = 0; i < whole.count(); ++i) whole.Put(i, static_cast<double>(i));
  std::mt19937_64 random(1);
  const auto results = RunOnRanks(*joined->function, mesh,
                                  {Split(whole, {S(0), S(0)}, mesh, 0, random)}, {});
  ASSERT_TRUE(results.ok()) << results.status();
  for (const Tensor& part : (*results)[0]) EXPECT_TRUE(SameBytes(part, whole));

  EXPECT_EQ(InsertCollectives(function, OpTable::Builtin(), mesh, {{{S(0), S(0)}}, {{R, S(0)}}})
                .status()
                .message(),
            "output 'y': layout [R, S(0)]: expected axes of one dim to be joined from the last "
            "one, got it from [S(0), S(0)]");
}

TEST(InsertTest, RefusalsNameTheNodeAndTheReason) {
  Function function("refused");
  const ValueId x = function.AddInput("x", InputKind::kArgument, {DType::kF32, {4, 6}});
  Graph graph(OpTable::Builtin(), function);
  function.AddOutput("y", graph.Op("silu", {x}));
  const Mesh mesh{{{"data", 4, {"B"}}}};
  const auto text = [&](const InsertOptions& options) {
    return std::string(
        InsertCollectives(function, OpTable::Builtin(), mesh, options).status().message());
  };
  EXPECT_EQ(text({{{S(1)}}, {}}),
            "layout [S(1)]: expected a dim 1 of f32[4,6] that the 4 ranks of axis 'data' divide, "
            "got 6");
  EXPECT_EQ(text({{}, {}}), "function 'refused': expected 1 layouts of inputs, got 0");
  EXPECT_EQ(text({{{R, R}}, {}}), "input 'x': expected a layout of 1 placements, got [R, R]");
  EXPECT_EQ(text({{{R}}, {{S(0)}}}),
            "output 'y': axis 'data': expected R, or S from P(sum), as what R becomes, got S(0)");
  Function batch("batch");
  batch.AddOutput("y", batch.AddInput("x", InputKind::kArgument,
                                      {DType::kF32, {Dim::Symbol("B"), 6}}));
  EXPECT_EQ(
      InsertCollectives(batch, OpTable::Builtin(), mesh, {{{S(0)}}, {{R}}}).status().message(),
      "output 'y': axis 'data': expected S(0), got R; dim B of a symbolic batch is never whole");
  EXPECT_EQ(InsertCollectives(batch, OpTable::Builtin(), mesh, {{{R}}, {}}).status().message(),
            "input 'x' f32[B,6] on axis 'data': expected S(0) for a rank's share, got R");
}

TEST(VerifyLayoutsTest, EveryFalseLayoutIsSeen) {
  const auto joint = Network();
  ASSERT_TRUE(joint.ok()) << joint.status();
  const std::shared_ptr<Function> function = WithGradients(*joint);
  const Mesh mesh{{{"data", 2, {"B"}}}};
  const auto sharded = InsertCollectives(*function, OpTable::Builtin(), mesh,
                                         {{{S(0)}, {R}, {R}, {R}, {S(0)}, {R}}, {}});
  ASSERT_TRUE(sharded.ok()) << sharded.status();
  ASSERT_TRUE(VerifyLayouts(*function, *sharded, mesh).ok());
  int falsified = 0;
  for (const Node& node : sharded->function->nodes()) {
    for (ValueId id : node.outputs) {
      for (const Placement& placement : {R, S(0), S(1), Placement::Partial()}) {
        ShardedFunction falsely = *sharded;
        if (falsely.layouts[id][0] == placement) continue;
        falsely.layouts[id][0] = placement;
        const absl::Status status = VerifyLayouts(*function, falsely, mesh);
        EXPECT_EQ(status.code(), absl::StatusCode::kInternal) << id << " " << placement.ToText();
        ++falsified;
      }
    }
  }
  EXPECT_GT(falsified, 30);
}

}  // namespace
}  // namespace tessera
