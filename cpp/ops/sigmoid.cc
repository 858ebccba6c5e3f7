// y = 1 / (1 + e^-x); dx = dy * y * (1 - y).
#include "cpp/ops/internal/elementwise.h"

namespace tessera {

OpDef SigmoidOp() {
  return ElementwiseUnary("sigmoid")
      .Doc("y = 1 / (1 + e^-x)")
      .Gradient([](GradientContext& context) {
        Graph& graph = context.graph();
        const ValueId y = context.output();
        const ValueId one = Scalar(graph, 1, y);
        const ValueId slope = graph.Mul(graph.Sub(one, y), y);
        return SetOnly(context, graph.Mul(context.cotangent(), slope));
      });
}

}  // namespace tessera
