// y = -x.
#include "cpp/ops/internal/elementwise.h"

namespace tessera {

OpDef NegOp() {
  return ElementwiseUnary("neg", "number")
      .Doc("y = -x")
      .Linear({0})
      .Gradient([](GradientContext& context) {
        return SetOnly(context, context.graph().Op("neg", {context.cotangent()}));
      });
}

}  // namespace tessera
