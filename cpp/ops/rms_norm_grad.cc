// Gradients of rms_norm. With r = 1 / sqrt(mean(x^2) + epsilon), g = dy * (scale + scale_offset):
//   dx = r * (g - x * r^2 * mean(g * x)),   dscale = sum over rows of dy * x * r
// dscale is summed over chunks of 64 rows, then over chunks in order, and kept in fp32 (or fp64).
#include "cpp/ops/internal/checks.h"
#include "cpp/ops/internal/elementwise.h"

namespace tessera {

OpDef RmsNormGradOp() {
  return OpDef("rms_norm_grad")
      .Doc("gradients of rms_norm with respect to x and scale")
      .Signature("x[..., D!], scale[D!], dy[..., D!] -> dx[..., D], dscale[D]")
      .InputDTypes("x: float, scale: =x, dy: =x")
      .OutputDTypes([](const OpUse& use) -> absl::StatusOr<std::vector<DType>> {
        return std::vector<DType>{use.inputs[0].dtype, WideDType(use.inputs[0].dtype)};
      })
      .Attr("epsilon", 1e-6, "as in rms_norm")
      .Attr("scale_offset", 0.0, "as in rms_norm")
      .Check(CheckEpsilon)
      .Linear({2});
}

}  // namespace tessera
