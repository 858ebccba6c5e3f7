// y = (x - mean(x)) / sqrt(var(x) + epsilon) * scale + bias, over the last dim; var is the mean of
// squared deviations. Without the last operand there is no bias. Moments are taken in fp32.
//
// Source: Ba, Kiros, Hinton, "Layer normalization", 2016.
#include "cpp/ops/internal/checks.h"
#include "cpp/ops/internal/elementwise.h"

namespace tessera {
namespace {

absl::Status LayerNormGradient(GradientContext& context) {
  const std::vector<ValueId> gradients = context.graph().Ops(
      "layer_norm_grad", {context.input(0), context.input(1), context.cotangent()},
      context.attrs(), 3);
  for (size_t i = 0; i < context.input_count(); ++i) context.SetGradient(i, gradients[i]);
  return absl::OkStatus();
}

}  // namespace

OpDef LayerNormOp() {
  return OpDef("layer_norm")
      .Doc("y = (x - mean(x)) / sqrt(var(x) + epsilon) * scale + bias, over the last dim")
      .Signature("x[..., D!], scale[D!], bias?[D!] -> y[..., D]")
      .InputDTypes("x: float, scale: =x, bias: =x")
      .Attr("epsilon", 1e-5, "added to the variance; at least 0")
      .Check(CheckEpsilon)
      .Gradient(LayerNormGradient);
}

}  // namespace tessera
