// y = ln(1 + e^x), without overflow; dx = dy * sigmoid(x).
#include "cpp/ops/internal/elementwise.h"

namespace tessera {

OpDef SoftplusOp() {
  return ElementwiseUnary("softplus")
      .Doc("y = ln(1 + e^x)")
      .Gradient([](GradientContext& context) {
        Graph& graph = context.graph();
        const ValueId slope = graph.Op("sigmoid", {context.input(0)});
        return SetOnly(context, graph.Mul(context.cotangent(), slope));
      });
}

}  // namespace tessera
