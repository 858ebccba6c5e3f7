// y = act(gate) * up: the gated linear unit of a feed-forward block.
//
// Source: Shazeer, "GLU variants improve transformer", 2020.
#include "cpp/ops/internal/elementwise.h"
#include "cpp/ops/internal/glu.h"

namespace tessera {
namespace {

absl::Status GluGradient(GradientContext& context) {
  const std::vector<ValueId> gradients = context.graph().Ops(
      "glu_grad", {context.input(0), context.input(1), context.cotangent()}, context.attrs(), 2);
  context.SetGradient(0, gradients[0]);
  context.SetGradient(1, gradients[1]);
  return absl::OkStatus();
}

}  // namespace

OpDef GluOp() {
  return OpDef("glu")
      .Doc("y = act(gate) * up")
      .Signature("gate[...], up[...] -> y[...]")
      .InputDTypes("gate: float, up: =gate")
      .RequiredAttr(AttrSpec::kText, "activation", "relu, gelu, gelu_tanh, silu or sigmoid")
      .Check(CheckGlu)
      .Linear({1})
      .InPlace({{0, 0}, {0, 1}})
      .Gradient(GluGradient)
      .Grouped("unchanged");
}

}  // namespace tessera
