// y = sin(x); dx = dy * cos(x).
#include "cpp/ops/internal/elementwise.h"

namespace tessera {

OpDef SinOp() {
  return ElementwiseUnary("sin")
      .Doc("y = sin(x)")
      .Gradient([](GradientContext& context) {
        Graph& graph = context.graph();
        const ValueId slope = graph.Op("cos", {context.input(0)});
        return SetOnly(context, graph.Mul(context.cotangent(), slope));
      });
}

}  // namespace tessera
