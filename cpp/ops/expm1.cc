// y = e^x - 1, exact for small x; dx = dy * (y + 1).
#include "cpp/ops/internal/elementwise.h"

namespace tessera {

OpDef Expm1Op() {
  return ElementwiseUnary("expm1")
      .Doc("y = e^x - 1")
      .Gradient([](GradientContext& context) {
        Graph& graph = context.graph();
        const ValueId y = context.output();
        const ValueId one = Scalar(graph, 1, y);
        return SetOnly(context, graph.Mul(context.cotangent(), graph.Add(y, one)));
      });
}

}  // namespace tessera
