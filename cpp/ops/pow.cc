// out = x^y, broadcast.
//
// Gradients: d/dx = y * x^(y-1); d/dy = out * ln(x) where x > 0, otherwise 0 (the limit at x = 0
// for positive y; for negative x only whole y have a result, and no derivative).
#include "cpp/ops/internal/elementwise.h"

namespace tessera {

OpDef PowOp() {
  return ElementwiseBinary("pow")
      .Doc("out = x^y")
      .Gradient([](GradientContext& context) {
        Graph& graph = context.graph();
        const ValueId x = context.input(0), y = context.input(1);
        if (context.needs(0)) {
          const ValueId less = graph.Sub(y, Scalar(graph, 1, y));
          const ValueId slope = graph.Mul(y, graph.Op("pow", {x, less}));
          SetBroadcast(context, 0, graph.Mul(context.cotangent(), slope));
        }
        if (context.needs(1)) {
          const ValueId zero = Scalar(graph, 0, x);
          const ValueId one = Scalar(graph, 1, x);
          const ValueId positive = graph.Op("greater", {x, zero});
          const ValueId log = graph.Op("log", {graph.Op("where", {positive, x, one})});
          const ValueId slope = graph.Mul(context.output(), log);
          SetBroadcast(context, 1, graph.Mul(context.cotangent(), slope));
        }
        return absl::OkStatus();
      });
}

}  // namespace tessera
