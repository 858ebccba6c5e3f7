// Gradients of layer_norm. With r = 1 / sqrt(var(x) + epsilon), h = (x - mean(x)) * r and
// g = dy * scale:
//   dx = r * (g - mean(g) - h * mean(g * h)),  dscale = sum of dy * h,  dbias = sum of dy over rows
// Sums over rows go by chunks of 64, then over chunks in order, and are kept in fp32 (or fp64).
#include "cpp/ops/internal/checks.h"
#include "cpp/ops/internal/elementwise.h"

namespace tessera {

OpDef LayerNormGradOp() {
  return OpDef("layer_norm_grad")
      .Doc("gradients of layer_norm with respect to x, scale and bias")
      .Signature("x[..., D!], scale[D!], dy[..., D!] -> dx[..., D], dscale[D], dbias[D]")
      .InputDTypes("x: float, scale: =x, dy: =x")
      .OutputDTypes([](const OpUse& use) -> absl::StatusOr<std::vector<DType>> {
        const DType wide = WideDType(use.inputs[0].dtype);
        return std::vector<DType>{use.inputs[0].dtype, wide, wide};
      })
      .Attr("epsilon", 1e-5, "as in layer_norm")
      .Check(CheckEpsilon)
      .Linear({2});
}

}  // namespace tessera
