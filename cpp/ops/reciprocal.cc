// y = 1 / x; dx = -dy * y^2.
#include "cpp/ops/internal/elementwise.h"

namespace tessera {

OpDef ReciprocalOp() {
  return ElementwiseUnary("reciprocal")
      .Doc("y = 1 / x")
      .Gradient([](GradientContext& context) {
        Graph& graph = context.graph();
        const ValueId square = graph.Op("square", {context.output()});
        return SetOnly(context, graph.Op("neg", {graph.Mul(context.cotangent(), square)}));
      });
}

}  // namespace tessera
