// y = tanh(x); dx = dy * (1 - y^2).
#include "cpp/ops/internal/elementwise.h"

namespace tessera {

OpDef TanhOp() {
  return ElementwiseUnary("tanh")
      .Doc("y = tanh(x)")
      .Gradient([](GradientContext& context) {
        Graph& graph = context.graph();
        const ValueId one = Scalar(graph, 1, context.output());
        const ValueId square = graph.Op("square", {context.output()});
        return SetOnly(context, graph.Mul(context.cotangent(), graph.Sub(one, square)));
      });
}

}  // namespace tessera
