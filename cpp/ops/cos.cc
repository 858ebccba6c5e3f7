// y = cos(x); dx = -dy * sin(x).
#include "cpp/ops/internal/elementwise.h"

namespace tessera {

OpDef CosOp() {
  return ElementwiseUnary("cos")
      .Doc("y = cos(x)")
      .Gradient([](GradientContext& context) {
        Graph& graph = context.graph();
        const ValueId slope = graph.Op("sin", {context.input(0)});
        return SetOnly(context, graph.Op("neg", {graph.Mul(context.cotangent(), slope)}));
      });
}

}  // namespace tessera
