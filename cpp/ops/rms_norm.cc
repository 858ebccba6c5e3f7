// y = x / sqrt(mean(x^2) + epsilon) * (scale + scale_offset), over the last dim.
//
// The mean is taken in fp32 whatever the dtype of x: summed in bf16, a long row of squares stops
// growing once a term is below half an ulp. `scale_offset` is 1 in models that store scale - 1.
// Source: Zhang, Sennrich, "Root mean square layer normalization", 2019.
#include "cpp/ops/internal/checks.h"
#include "cpp/ops/internal/elementwise.h"

namespace tessera {
namespace {

absl::Status RmsNormGradient(GradientContext& context) {
  const std::vector<ValueId> gradients = context.graph().Ops(
      "rms_norm_grad", {context.input(0), context.input(1), context.cotangent()}, context.attrs(),
      2);
  context.SetGradient(0, gradients[0]);
  context.SetGradient(1, gradients[1]);
  return absl::OkStatus();
}

}  // namespace

OpDef RmsNormOp() {
  return OpDef("rms_norm")
      .Doc("y = x / sqrt(mean(x^2) + epsilon) * (scale + scale_offset), over the last dim")
      .Signature("x[..., D!], scale[D!] -> y[..., D]")
      .InputDTypes("x: float, scale: =x")
      .Attr("epsilon", 1e-6, "added under the root; at least 0")
      .Attr("scale_offset", 0.0, "added to scale")
      .Check(CheckEpsilon)
      .Gradient(RmsNormGradient);
}

}  // namespace tessera
