// y = x / (1 + e^-x) = x * sigmoid(x); also called swish.
//
// Source: Elfwing, Uchibe, Doya, "Sigmoid-weighted linear units for neural network function
// approximation in reinforcement learning", 2017.
#include "cpp/ops/internal/elementwise.h"

namespace tessera {

OpDef SiluOp() {
  return ElementwiseUnary("silu")
      .Doc("y = x * sigmoid(x)")
      .Gradient([](GradientContext& context) {
        Graph& graph = context.graph();
        return SetOnly(context, graph.Op("silu_grad", {context.input(0), context.cotangent()}));
      });
}

}  // namespace tessera
