// y = erf(x) = 2/sqrt(pi) * integral of e^(-t^2) from 0 to x; dx = dy * 2/sqrt(pi) * e^(-x^2).
#include "cpp/ops/internal/elementwise.h"

namespace tessera {

OpDef ErfOp() {
  return ElementwiseUnary("erf")
      .Doc("y = erf(x)")
      .Gradient([](GradientContext& context) {
        constexpr double kTwoOverRootPi = 1.1283791670955125739;
        Graph& graph = context.graph();
        const ValueId x = context.input(0);
        const ValueId factor = Scalar(graph, kTwoOverRootPi, x);
        const ValueId bell = graph.Op("exp", {graph.Op("neg", {graph.Op("square", {x})})});
        const ValueId slope = graph.Mul(bell, factor);
        return SetOnly(context, graph.Mul(context.cotangent(), slope));
      });
}

}  // namespace tessera
