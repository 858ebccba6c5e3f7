// out = x / y, broadcast. Integers: rounded down, as in Python; by 0 gives 0.
//
// Gradients: d/dx = 1 / y, d/dy = -out / y.
#include "cpp/ops/internal/elementwise.h"

namespace tessera {

OpDef DivOp() {
  return ElementwiseBinary("div")
      .Doc("out = x / y; integers rounded down, by 0 gives 0")
      .Linear({0})
      .Gradient([](GradientContext& context) {
        Graph& graph = context.graph();
        const ValueId over_y = graph.Div(context.cotangent(), context.input(1));
        SetBroadcast(context, 0, over_y);
        if (context.needs(1)) {
          SetBroadcast(context, 1, graph.Op("neg", {graph.Mul(over_y, context.output())}));
        }
        return absl::OkStatus();
      });
}

}  // namespace tessera
