// Which calls stay, under which paths, and that flattening changes no result.
#include "cpp/passes/flatten.h"

#include "cpp/base/hash.h"
#include "cpp/base/philox.h"
#include "cpp/exec/kernel_choice.h"
#include "cpp/ir/printer.h"
#include "cpp/ir/verifier.h"
#include "cpp/passes/outline.h"
#include "cpp/passes/unique_functions.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "kernels/cpu/internal/cpu_features.h"
#include "tests/ops/interpreter.h"
#include "tests/passes/call_kit.h"

namespace tessera {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

std::vector<std::string> Calls(const Function& function) {
  std::vector<std::string> at;
  for (const Node& node : function.nodes()) {
    if (node.is_call()) at.push_back(node.at);
  }
  return at;
}

std::shared_ptr<Function> Flattened(const FunctionRef& main, const FlattenOptions& options = {}) {
  auto flat = Flatten(*main, options);
  EXPECT_TRUE(flat.ok()) << flat.status();
  EXPECT_TRUE(Verify(**flat).ok()) << Verify(**flat);
  return *flat;
}

// Results of a function with every input filled by its name.
std::vector<double> ResultsOf(const Function& function) {
  const auto flat = Flatten(function, {.keep_repeated = false});
  EXPECT_TRUE(flat.ok()) << flat.status();
  std::vector<Tensor> inputs;
  for (const FunctionInput& input : (*flat)->inputs()) {
    const auto dims = Eval((*flat)->type(input.value).dims, {{"B", 2}}).value();
    Tensor tensor = Tensor::Zeros(DType::kF64, dims).value();
    for (int64_t i = 0; i < tensor.count(); ++i) {
      tensor.Put(i, philox::UnitDouble(PhiloxU64(HashBytes(input.name), 0, i)));
    }
    inputs.push_back(tensor);
  }
  const auto results = Interpret(**flat, inputs, {.sizes = {{"B", 2}}});
  EXPECT_TRUE(results.ok()) << results.status();
  std::vector<double> numbers;
  for (const Tensor& result : *results) {
    for (int64_t i = 0; i < result.count(); ++i) numbers.push_back(result.At(i));
  }
  return numbers;
}

// main -> decoder -> three layers, each of which calls a block.
FunctionRef Model(int block_nodes) {
  const FunctionRef block = KitLayer("block", block_nodes);
  CallKit layer("layer");
  const FunctionRef layer_ref =
      layer.Done(layer.graph.Add(layer.x, layer.Call(block, layer.x, "block")));
  CallKit decoder("decoder");
  ValueId y = decoder.x;
  for (int i = 0; i < 3; ++i) y = decoder.Call(layer_ref, y, "layers/" + std::to_string(i));
  CallKit main("main");
  return main.Done(main.Call(decoder.Done(y), main.x, "decoder"));
}

TEST(FlattenTest, WhatRepeatsStaysACallUnderItsWholePath) {
  const auto flat = Flattened(Model(6));
  EXPECT_THAT(Calls(*flat),
              ElementsAre("decoder/layers/0", "decoder/layers/1", "decoder/layers/2"));
  EXPECT_EQ(flat->nodes().size(), 3u);
  for (const Node& node : flat->nodes()) {
    EXPECT_EQ(node.callee, flat->nodes()[0].callee) << "one function for all";
    EXPECT_THAT(Calls(*node.callee), IsEmpty()) << "and that is flat";
  }
  EXPECT_GE(flat->FindInput("decoder/layers/2/block/w", InputKind::kParam), 0);
}

TEST(FlattenTest, SmallFunctionsAreInlinedAllTheSame) {
  EXPECT_THAT(Calls(*Flattened(Model(3))), IsEmpty());
  EXPECT_EQ(Calls(*Flattened(Model(3), {.least_nodes = 4})).size(), 3u);
}

TEST(FlattenTest, WithoutKeepingEverythingIsInlined) {
  const auto flat = Flattened(Model(20), {.keep_repeated = false});
  EXPECT_THAT(Calls(*flat), IsEmpty());
  EXPECT_EQ(flat->nodes().size(), 3 * 21u);
}

TEST(FlattenTest, ResultsAreTheSame) {
  const FunctionRef main = Model(7);
  const std::vector<double> expected = ResultsOf(*main);
  EXPECT_EQ(ResultsOf(*Flattened(main)), expected);
  const auto outlined = Outline(*Flattened(main));
  ASSERT_TRUE(outlined.ok()) << outlined.status();
  EXPECT_EQ(ResultsOf(**outlined), expected);
}

TEST(FlattenTest, AFunctionWithoutNodesGoesThrough) {
  CallKit nothing("nothing");
  const FunctionRef callee = nothing.Done(nothing.x);
  CallKit main("main");
  const auto flat = Flattened(main.Done(main.Call(callee, main.x, "nothing")));
  EXPECT_TRUE(flat->nodes().empty());
  EXPECT_EQ(flat->outputs()[0].value, flat->inputs()[0].value);
}

TEST(OutlineTest, LooseNodesBecomeSegmentsBetweenTheCalls) {
  const FunctionRef layer = KitLayer("layer", 6);
  CallKit main("main");
  ValueId y = main.graph.Mul(main.x, main.Param("first"));
  for (int i = 0; i < 2; ++i) y = main.Call(layer, y, "layers/" + std::to_string(i));
  const ValueId last = main.graph.Op("exp", {main.graph.Add(y, main.x)});
  const auto outlined = Outline(*Flattened(main.Done(last)));
  ASSERT_TRUE(outlined.ok()) << outlined.status();
  EXPECT_THAT(Calls(**outlined), ElementsAre("segment_0", "layers/0", "layers/1", "segment_1"));
  EXPECT_EQ((*outlined)->nodes().size(), 4u);
  // The first segment has the parameter of main as a parameter of that name.
  EXPECT_GE((*outlined)->nodes()[0].callee->FindInput("first", InputKind::kParam), 0);
  EXPECT_TRUE(Verify(**outlined).ok()) << Verify(**outlined);
}

TEST(OutlineTest, WhatNobodyReadsIsLeftOut) {
  CallKit main("main");
  main.graph.Op("exp", {main.x});
  const auto outlined = Outline(*main.Done(main.x));
  ASSERT_TRUE(outlined.ok()) << outlined.status();
  EXPECT_TRUE((*outlined)->nodes().empty());
}

TEST(OutlineTest, ParametersAreWhatParametersArePassedTo) {
  // The layer's w is a parameter for the first call and an ordinary value for the second.
  const FunctionRef layer = KitLayer("layer", 6);
  CallKit main("main");
  const ValueId w = main.Param("w");
  const ValueId product = main.graph.Mul(w, w);
  ValueId y = main.function->AddCall(layer, "layers/0", {main.x, w}).value()[0];
  y = main.function->AddCall(layer, "layers/1", {y, product}).value()[0];
  const auto outlined = Outline(*main.Done(y));
  ASSERT_TRUE(outlined.ok()) << outlined.status();
  const auto& nodes = (*outlined)->nodes();
  ASSERT_EQ(nodes.size(), 3u);
  EXPECT_EQ(nodes[1].callee->inputs()[1].kind, InputKind::kParam);
  EXPECT_EQ(nodes[2].callee->inputs()[1].kind, InputKind::kArgument);
  EXPECT_TRUE(Verify(**outlined).ok()) << Verify(**outlined);
}

TEST(SliceTest, KeepsWhatTheOutputsNeed) {
  CallKit main("main");
  const ValueId a = main.graph.Mul(main.x, main.Param("a"));
  const ValueId b = main.graph.Mul(main.x, main.Param("b"));
  main.function->AddOutput("a", a);
  main.function->AddOutput("b", main.graph.Op("exp", {b}));
  const auto slice = Slice(*main.function, {1}, "part");
  ASSERT_TRUE(slice.ok()) << slice.status();
  EXPECT_EQ((*slice)->name(), "part");
  EXPECT_EQ((*slice)->nodes().size(), 2u);
  EXPECT_EQ((*slice)->FindInput("a", InputKind::kParam), -1);
  EXPECT_GE((*slice)->FindInput("b", InputKind::kParam), 0);
  EXPECT_EQ((*slice)->outputs().size(), 1u);
}

TEST(UniqueFunctionsTest, EqualFunctionsAreOneWhateverTheirNames) {
  UniqueFunctions unique;
  const FunctionRef a = KitLayer("a", 6), b = KitLayer("b", 6), c = KitLayer("a", 7);
  EXPECT_EQ(unique.Of(a), a);
  EXPECT_EQ(unique.Of(b), a);
  EXPECT_EQ(unique.Of(c), c);
  EXPECT_EQ(unique.Of(b), a);
}

}  // namespace
}  // namespace tessera
