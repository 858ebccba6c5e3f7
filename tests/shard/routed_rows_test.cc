// Method: tokens that are sorted by expert, sent, multiplied and added up again, each rank with the
// plan of its own tokens, are the tokens of the whole run; and so are all gradients.
#include "absl/strings/str_cat.h"
#include "cpp/autodiff/differentiate.h"
#include "cpp/ir/graph.h"
#include "cpp/shard/insert.h"
#include "cpp/shard/rule.h"
#include "gtest/gtest.h"
#include "tests/ops/op_use.h"
#include "tests/shard/shard_kit.h"

namespace tessera {
namespace {

constexpr int64_t kTokens = 6, kExperts = 3;

struct Routed {
  std::shared_ptr<Function> function = std::make_shared<Function>("routed");
  std::vector<Tensor> inputs;
  std::vector<Layout> layouts;

  ValueId Input(const std::string& name, const std::string& value, Placement placement) {
    const auto tensor = CaseTensor(value, DType::kF64, 11 + inputs.size());
    EXPECT_TRUE(tensor.ok()) << tensor.status();
    inputs.push_back(*tensor);
    layouts.push_back({placement});
    return function->AddInput(name, InputKind::kArgument, TypeOfTensor(*tensor));
  }
};

// The product of rows that `dispatch` made, or of the tokens in place.
Routed MakeRouted(bool in_place) {
  Routed routed;
  const Placement share = Placement::Sharded(0);
  const ValueId ids = routed.Input("ids", "[[0,1],[2,-1],[1,0],[0,2],[-1,-1],[2,1]]:i32", share);
  const ValueId x = routed.Input("x", "normal(6,4)", share);
  const ValueId weights = routed.Input("weights", "normal(6,2)", share);
  const ValueId w = routed.Input("w", "normal(3,4,5)", Placement::Replicated());
  Graph graph(OpTable::Builtin(), *routed.function);
  const auto plan = graph.Ops(
      "plan", {ids}, {{"num_experts", kExperts}, {"rows_per_token", int64_t{2}}}, 4);
  const ValueId made =
      in_place ? graph.Op("gathered_matmul", {x, w, plan[2], plan[1], plan[0]})
               : graph.Op("grouped_matmul",
                          {graph.Op("dispatch", {x, plan[1], plan[0]}), w, plan[2]});
  const ValueId y = graph.Op("combine", {made, plan[1], plan[0], weights});
  EXPECT_TRUE(graph.ok()) << graph.status();
  routed.function->AddOutput("y", y);
  return routed;
}

class RoutedRowsTest : public testing::TestWithParam<bool> {};

TEST_P(RoutedRowsTest, RanksTogetherAreTheWholeRun) {
  Routed routed = MakeRouted(GetParam());
  const auto joint = Differentiate(*routed.function, OpTable::Builtin(),
                                   {false, true, true, true}, {true});
  ASSERT_TRUE(joint.ok()) << joint.status();
  auto function = std::make_shared<Function>(*joint->function);
  function->ClearOutputs();
  function->AddOutput("y", joint->results[0]);
  for (size_t i = 1; i < 4; ++i) {
    function->AddOutput(absl::StrCat("gradient_", i), joint->gradients[i]);
  }
  const auto dy = CaseTensor("normal(6,5)", DType::kF64, 5);
  ASSERT_TRUE(dy.ok());
  routed.inputs.push_back(*dy);
  routed.layouts.push_back({Placement::Sharded(0)});
  const auto whole = Interpret(*function, routed.inputs, {});
  ASSERT_TRUE(whole.ok()) << whole.status();
  for (int64_t ranks : {2, 3}) {
    const Mesh mesh{{{"data", ranks, {}}}};
    InsertOptions options;
    options.inputs = routed.layouts;
    const auto sharded = InsertCollectives(*function, OpTable::Builtin(), mesh, options);
    ASSERT_TRUE(sharded.ok()) << sharded.status();
    EXPECT_EQ(sharded->collectives(), 0);
    std::mt19937_64 random(1);
    std::vector<std::vector<Tensor>> inputs;
    for (size_t i = 0; i < routed.inputs.size(); ++i) {
      inputs.push_back(Split(routed.inputs[i], routed.layouts[i], mesh, kTokens / ranks, random));
    }
    const auto parts = RunOnRanks(*sharded->function, mesh, inputs, {});
    ASSERT_TRUE(parts.ok()) << parts.status();
    for (size_t o = 0; o < parts->size(); ++o) {
      const Layout& out = sharded->layouts[sharded->function->outputs()[o].value];
      EXPECT_EQ(out[0], o == 3 ? Placement::Partial() : Placement::Sharded(0)) << o;
      bool replicated = true;
      const Tensor got = Combine((*parts)[o], out, mesh, &replicated);
      ASSERT_EQ(got.dims, (*whole)[o].dims);
      for (int64_t i = 0; i < got.count(); ++i) {
        EXPECT_NEAR(got.At(i), (*whole)[o].At(i), 1e-12) << "result " << o << " " << i;
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Rows, RoutedRowsTest, testing::Bool(),
                         [](const testing::TestParamInfo<bool>& info) {
                           return info.param ? "InPlace" : "Copied";
                         });

}  // namespace
}  // namespace tessera
