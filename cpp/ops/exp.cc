// y = e^x; dx = dy * y.
#include "cpp/ops/internal/elementwise.h"

namespace tessera {

OpDef ExpOp() {
  return ElementwiseUnary("exp")
      .Doc("y = e^x")
      .Gradient([](GradientContext& context) {
        return SetOnly(context, context.graph().Mul(context.cotangent(), context.output()));
      });
}

}  // namespace tessera
