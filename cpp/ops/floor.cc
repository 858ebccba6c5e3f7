// y = the largest whole number that is at most x. Flat: no gradient flows.
#include "cpp/ops/internal/elementwise.h"

namespace tessera {

OpDef FloorOp() {
  return ElementwiseUnary("floor").Doc("y = x rounded down").NoGradient();
}

}  // namespace tessera
