// y = ln(x); dx = dy / x.
#include "cpp/ops/internal/elementwise.h"

namespace tessera {

OpDef LogOp() {
  return ElementwiseUnary("log")
      .Doc("y = ln(x)")
      .Gradient([](GradientContext& context) {
        return SetOnly(context, context.graph().Div(context.cotangent(), context.input(0)));
      });
}

}  // namespace tessera
