// dx = dy * gelu'(x). Exact: P(X <= x) + x * p(x) with the standard normal density p. With `tanh`,
// for u = sqrt(2/pi) * (x + 0.044715 x^3): (1 + tanh u)/2 + x/2 * (1 - tanh^2 u) * u'.
#include "cpp/ops/internal/elementwise.h"

namespace tessera {

OpDef GeluGradOp() {
  return ElementwiseGradient("gelu_grad")
      .Doc("dx = dy * gelu'(x)")
      .Attr("tanh", false, "of the tanh approximation");
}

}  // namespace tessera
