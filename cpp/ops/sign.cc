// y = -1, 0 or 1 by the sign of x; NaN stays NaN. Flat: no gradient flows.
#include "cpp/ops/internal/elementwise.h"

namespace tessera {

OpDef SignOp() {
  return ElementwiseUnary("sign", "number").Doc("y = -1, 0 or 1 by the sign of x").NoGradient();
}

}  // namespace tessera
