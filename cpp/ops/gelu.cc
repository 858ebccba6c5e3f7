// y = x * P(X <= x) for a standard normal X: x/2 * (1 + erf(x / sqrt(2))), or with `tanh` the
// approximation x/2 * (1 + tanh(sqrt(2/pi) * (x + 0.044715 x^3))) that GPT-2 uses.
//
// Source: Hendrycks, Gimpel, "Gaussian error linear units", 2016.
#include "cpp/ops/internal/elementwise.h"

namespace tessera {

OpDef GeluOp() {
  return ElementwiseUnary("gelu")
      .Doc("y = x/2 * (1 + erf(x / sqrt(2))), or its tanh approximation")
      .Attr("tanh", false, "use the tanh approximation")
      .Gradient([](GradientContext& context) {
        return SetOnly(context, context.graph().Op("gelu_grad",
                                                   {context.input(0), context.cotangent()},
                                                   {{"tanh", context.attrs().Bool("tanh")}}));
      });
}

}  // namespace tessera
