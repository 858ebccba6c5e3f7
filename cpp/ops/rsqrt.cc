// y = x^(-1/2); dx = -dy * y^3 / 2.
#include "cpp/ops/internal/elementwise.h"

namespace tessera {

OpDef RsqrtOp() {
  return ElementwiseUnary("rsqrt")
      .Doc("y = x^(-1/2)")
      .Gradient([](GradientContext& context) {
        Graph& graph = context.graph();
        const ValueId y = context.output();
        const ValueId factor = Scalar(graph, -0.5, y);
        const ValueId cube = graph.Mul(graph.Op("square", {y}), y);
        const ValueId slope = graph.Mul(cube, factor);
        return SetOnly(context, graph.Mul(context.cotangent(), slope));
      });
}

}  // namespace tessera
