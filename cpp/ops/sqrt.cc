// y = x^(1/2); dx = dy / (2 y).
#include "cpp/ops/internal/elementwise.h"

namespace tessera {

OpDef SqrtOp() {
  return ElementwiseUnary("sqrt")
      .Doc("y = x^(1/2)")
      .Gradient([](GradientContext& context) {
        Graph& graph = context.graph();
        const ValueId half = Scalar(graph, 0.5, context.input(0));
        const ValueId scaled = graph.Mul(context.cotangent(), half);
        return SetOnly(context, graph.Div(scaled, context.output()));
      });
}

}  // namespace tessera
