// out = x - y * floor(x / y), broadcast: the remainder has the sign of y, as in Python. Integers:
// by 0 gives 0. Gradients, where it has any: d/dx = 1, d/dy = -floor(x / y).
#include "cpp/ops/internal/elementwise.h"

namespace tessera {

OpDef ModOp() {
  return ElementwiseBinary("mod")
      .Doc("out = x - y * floor(x / y); integers by 0 give 0")
      .Gradient([](GradientContext& context) {
        Graph& graph = context.graph();
        SetBroadcast(context, 0, context.cotangent());
        if (context.needs(1)) {
          const ValueId whole = graph.Op("floor", {graph.Div(context.input(0), context.input(1))});
          SetBroadcast(context, 1, graph.Op("neg", {graph.Mul(context.cotangent(), whole)}));
        }
        return absl::OkStatus();
      });
}

}  // namespace tessera
