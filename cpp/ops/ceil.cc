// y = the smallest whole number that is at least x. Flat: no gradient flows.
#include "cpp/ops/internal/elementwise.h"

namespace tessera {

OpDef CeilOp() {
  return ElementwiseUnary("ceil").Doc("y = x rounded up").NoGradient();
}

}  // namespace tessera
