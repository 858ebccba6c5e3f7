// Functions that the tests of ir share: one that uses every kind of input, output, attribute and
// color, with calls that share a callee.
#pragma once

#include <memory>

#include "cpp/ir/graph.h"
#include "gtest/gtest.h"

namespace tessera {

inline ValueType F32Type(const char* dims) { return {DType::kF32, *ParseDims(dims)}; }

// y = norm(x) with a parameter; reports a metric.
inline FunctionRef NormFunction() {
  auto function = std::make_shared<Function>("norm");
  Graph graph(OpTable::Builtin(), *function);
  const ValueId x = function->AddInput("x0", InputKind::kArgument, F32Type("B,T,8"));
  const ValueId scale = function->AddInput(
      "scale", InputKind::kParam, F32Type("8"),
      {.init = Initializer::Constant(1), .logical_dims = {"embed"}, .decay = false});
  function->AddOutput("y0", graph.Op("rms_norm", {x, scale}, {{"epsilon", 1e-6}}));
  function->AddOutput("size", graph.Sum(x, {0, 1, 2}), OutputKind::kMetricNumerator);
  EXPECT_TRUE(graph.ok()) << graph.status();
  return function;
}

// Calls `norm` and `other` (types as NormFunction), with inputs that stand between nodes.
inline std::shared_ptr<Function> MainFunction(const FunctionRef& norm, const FunctionRef& other) {
  auto function = std::make_shared<Function>("main");
  Graph graph(OpTable::Builtin(), *function);
  const ValueId tokens =
      function->AddInput("tokens", InputKind::kArgument, {DType::kI32, *ParseDims("B,T")});
  const ValueId table = function->AddInput(
      "embedding/weight", InputKind::kParam, F32Type("16,8"),
      {.init = Initializer::Normal(0.02), .logical_dims = {"vocab", "embed"}});
  const ValueId x = graph.Op("embedding", {tokens, table});
  const ValueId scale = function->AddInput(
      "a/scale", InputKind::kParam, F32Type("8"),
      {.init = Initializer::Constant(1), .logical_dims = {"embed"}, .decay = false});
  const auto first = function->AddCall(norm, "a", {x, scale});
  EXPECT_TRUE(first.ok()) << first.status();
  const auto second = function->AddCall(other, "odd \"path\"\n", {(*first)[0], scale});
  EXPECT_TRUE(second.ok()) << second.status();
  const ValueId key = function->AddInput("a/key", InputKind::kKey, {DType::kU32, {Dim(4)}});
  const ValueId positions =
      function->AddInput("positions", InputKind::kAmbient, {DType::kI32, *ParseDims("B,T")});
  const ValueId memory = function->AddInput("memory", InputKind::kState, F32Type("B,8"),
                                            {.init = Initializer::Constant(-0.0)});
  const ValueId sum = graph.Sum((*second)[0], {1});
  function->SetColor(function->nodes().size() - 1, NodeColor::kInputGradient);
  const ValueId next = graph.Add(sum, memory);
  function->SetColor(function->nodes().size() - 1, NodeColor::kWeightGradient);
  const ValueId turned = graph.Transpose((*second)[0], {1, 0, 2});
  const ValueId fill = graph.Constant(-0.0, DType::kF32);
  function->AddOutput("y", turned);
  function->AddOutput("state", next, OutputKind::kState);
  function->AddOutput("loss/main", graph.Sum(next, {0, 1}), OutputKind::kLossNumerator, 0.25);
  function->AddOutput("denominator", fill, OutputKind::kLossDenominator);
  function->AddOutput("metric", (*first)[1], OutputKind::kMetricNumerator);
  function->AddOutput("metric", fill, OutputKind::kMetricDenominator);
  function->AddOutput("", positions);
  function->AddOutput("k", key);
  EXPECT_TRUE(graph.ok()) << graph.status();
  return function;
}

}  // namespace tessera
