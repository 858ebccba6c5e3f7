// y = |x|. Its gradient at 0 is 0.
#include "cpp/ops/internal/elementwise.h"

namespace tessera {

OpDef AbsOp() {
  return ElementwiseUnary("abs", "number")
      .Doc("y = |x|")
      .Gradient([](GradientContext& context) {
        Graph& graph = context.graph();
        const ValueId sign = graph.Op("sign", {context.input(0)});
        return SetOnly(context, graph.Mul(context.cotangent(), sign));
      });
}

}  // namespace tessera
