// y = x^2; dx = 2 x dy.
#include "cpp/ops/internal/elementwise.h"

namespace tessera {

OpDef SquareOp() {
  return ElementwiseUnary("square", "number")
      .Doc("y = x^2")
      .Gradient([](GradientContext& context) {
        Graph& graph = context.graph();
        const ValueId x = context.input(0);
        const ValueId twice = graph.Add(x, x);
        return SetOnly(context, graph.Mul(context.cotangent(), twice));
      });
}

}  // namespace tessera
