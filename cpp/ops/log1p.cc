// y = ln(1 + x), exact for small x; dx = dy / (1 + x).
#include "cpp/ops/internal/elementwise.h"

namespace tessera {

OpDef Log1pOp() {
  return ElementwiseUnary("log1p")
      .Doc("y = ln(1 + x)")
      .Gradient([](GradientContext& context) {
        Graph& graph = context.graph();
        const ValueId x = context.input(0);
        const ValueId one = Scalar(graph, 1, x);
        return SetOnly(context, graph.Div(context.cotangent(), graph.Add(x, one)));
      });
}

}  // namespace tessera
