// dx = dy * s * (1 + x * (1 - s)) with s = sigmoid(x).
#include "cpp/ops/internal/elementwise.h"

namespace tessera {

OpDef SiluGradOp() {
  return ElementwiseGradient("silu_grad").Doc("dx = dy * s * (1 + x * (1 - s)), s = sigmoid(x)");
}

}  // namespace tessera
