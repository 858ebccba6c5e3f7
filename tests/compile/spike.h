// Spike: the smallest main that has everything the compiler must get right.
//
// Eight ops; three layers of which the middle one is unlike the others; the embedding's table is
// the head's weight too; the test freezes one path of the last layer, so that two calls of one
// function are differentiated by different inputs. Header only.
#pragma once

#include <memory>
#include <vector>

#include "absl/status/statusor.h"
#include "cpp/base/status_macros.h"
#include "cpp/ir/graph.h"

namespace tessera {

inline constexpr int64_t kSpikeVocab = 11, kSpikeWidth = 6, kSpikeHidden = 10;
inline constexpr char kSpikeFrozen[] = "layers/2/up/weight";

// y = x + silu(norm(x) up + bias) down
inline absl::StatusOr<FunctionRef> SpikeLayer(DType dtype) {
  auto function = std::make_shared<Function>("layer");
  const auto param = [&](const char* name, const Dims& dims) {
    return function->AddInput(name, InputKind::kParam, {dtype, dims},
                              {Initializer::Normal(0.1), {}, true});
  };
  Graph graph(OpTable::Builtin(), *function);
  const Dims rows = {Dim::Symbol("B"), Dim::Symbol("T"), kSpikeWidth};
  const ValueId x = function->AddInput("x", InputKind::kArgument, {dtype, rows});
  const ValueId normed = graph.Op("rms_norm", {x, param("norm/scale", {kSpikeWidth})});
  const ValueId up = graph.MatMul(normed, param("up/weight", {kSpikeWidth, kSpikeHidden}));
  const ValueId act = graph.Op("silu", {graph.Add(up, param("up/bias", {kSpikeHidden}))});
  const ValueId down = graph.MatMul(act, param("down/weight", {kSpikeHidden, kSpikeWidth}));
  function->AddOutput("y", graph.Add(x, down));
  RETURN_IF_ERROR(graph.status());
  return FunctionRef(function);
}

// y = x * (x gate): no norm, no bias.
inline absl::StatusOr<FunctionRef> SpikeOtherLayer(DType dtype) {
  auto function = std::make_shared<Function>("other_layer");
  Graph graph(OpTable::Builtin(), *function);
  const Dims rows = {Dim::Symbol("B"), Dim::Symbol("T"), kSpikeWidth};
  const ValueId x = function->AddInput("x", InputKind::kArgument, {dtype, rows});
  const ValueId gate =
      function->AddInput("gate/weight", InputKind::kParam,
                         {dtype, {kSpikeWidth, kSpikeWidth}}, {Initializer::Normal(0.1), {}, true});
  function->AddOutput("y", graph.Mul(x, graph.MatMul(x, gate)));
  RETURN_IF_ERROR(graph.status());
  return FunctionRef(function);
}

inline absl::StatusOr<ValueId> CallSpikeLayer(Function& main, const FunctionRef& layer, ValueId x,
                                              const std::string& at) {
  std::vector<ValueId> operands;
  for (const FunctionInput& input : layer->inputs()) {
    operands.push_back(input.kind == InputKind::kArgument
                           ? x
                           : main.AddInput(at + "/" + input.name, input.kind,
                                           layer->type(input.value), input.param));
  }
  ASSIGN_OR_RETURN(const std::vector<ValueId> results, main.AddCall(layer, at, operands));
  return results[0];
}

inline absl::StatusOr<FunctionRef> SpikeMain(DType dtype) {
  ASSIGN_OR_RETURN(const FunctionRef layer, SpikeLayer(dtype));
  ASSIGN_OR_RETURN(const FunctionRef other, SpikeOtherLayer(dtype));
  auto main = std::make_shared<Function>("main");
  Graph graph(OpTable::Builtin(), *main);
  const Dims rows = {Dim::Symbol("B"), Dim::Symbol("T")};
  const ValueId tokens = main->AddInput("tokens", InputKind::kArgument, {DType::kI32, rows});
  const ValueId targets = main->AddInput("targets", InputKind::kArgument, {DType::kI32, rows});
  const ValueId table =
      main->AddInput("embedding/weight", InputKind::kParam,
                     {dtype, {kSpikeVocab, kSpikeWidth}}, {Initializer::Normal(0.1), {}, true});
  ValueId x = graph.Op("embedding", {tokens, table});
  RETURN_IF_ERROR(graph.status());
  ASSIGN_OR_RETURN(x, CallSpikeLayer(*main, layer, x, "layers/0"));
  ASSIGN_OR_RETURN(x, CallSpikeLayer(*main, other, x, "layers/1"));
  ASSIGN_OR_RETURN(x, CallSpikeLayer(*main, layer, x, "layers/2"));
  const ValueId logits = graph.MatMul(x, table, false, true);
  const std::vector<ValueId> loss = graph.Ops("cross_entropy", {logits, targets}, {}, 2);
  const ValueId ignored = graph.Constant(-100, DType::kI32);
  const ValueId counted = graph.Cast(graph.Op("not_equal", {targets, ignored}), DType::kF32);
  main->AddOutput("logits", logits);
  main->AddOutput("loss", graph.Sum(loss[0], {0, 1}), OutputKind::kLossNumerator);
  main->AddOutput("loss", graph.Sum(counted, {0, 1}), OutputKind::kLossDenominator);
  RETURN_IF_ERROR(graph.status());
  return FunctionRef(main);
}

}  // namespace tessera
