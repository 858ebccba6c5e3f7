// out = the smaller of x and y, broadcast; NaN if either is. The gradient goes to the smaller one;
// x has it where they are equal.
#include "cpp/ops/internal/elementwise.h"

namespace tessera {

OpDef MinimumOp() {
  return ElementwiseBinary("minimum")
      .Doc("out = the smaller of x and y")
      .Gradient([](GradientContext& context) {
        Graph& graph = context.graph();
        const ValueId zero = Scalar(graph, 0, context.cotangent());
        const ValueId is_x = graph.Op("less_equal", {context.input(0), context.input(1)});
        if (context.needs(0)) {
          SetBroadcast(context, 0, graph.Op("where", {is_x, context.cotangent(), zero}));
        }
        if (context.needs(1)) {
          SetBroadcast(context, 1, graph.Op("where", {is_x, zero, context.cotangent()}));
        }
        return absl::OkStatus();
      });
}

}  // namespace tessera
