// y = max(x, 0).
//
// The gradient is told by y, which is positive where x is: a matmul that follows keeps y anyway, so
// x need not be kept for it.
#include "cpp/ops/internal/elementwise.h"

namespace tessera {

OpDef ReluOp() {
  return ElementwiseUnary("relu")
      .Doc("y = max(x, 0)")
      .Gradient([](GradientContext& context) {
        Graph& graph = context.graph();
        return SetOnly(context, graph.Op("relu_grad", {context.output(), context.cotangent()}));
      });
}

}  // namespace tessera
