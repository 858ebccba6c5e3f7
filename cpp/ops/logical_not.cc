// y = not x.
#include "cpp/ops/internal/elementwise.h"

namespace tessera {

OpDef LogicalNotOp() {
  return ElementwiseUnary("logical_not", "bool").Doc("y = not x").NoGradient();
}

}  // namespace tessera
