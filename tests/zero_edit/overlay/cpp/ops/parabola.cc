// y = x^2 - 1.
#include "cpp/ops/internal/elementwise.h"

namespace tessera {

OpDef ParabolaOp() {
  return ElementwiseUnary("parabola")
      .Doc("y = x^2 - 1")
      .Gradient([](GradientContext& context) {
        Graph& graph = context.graph();
        const ValueId x = context.input(0);
        return SetOnly(context, graph.Mul(context.cotangent(), graph.Add(x, x)));
      });
}

}  // namespace tessera
