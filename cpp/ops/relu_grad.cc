// dx = dy where x > 0, otherwise 0. `x` may be relu's operand or its result: they are positive
// together.
#include "cpp/ops/internal/elementwise.h"

namespace tessera {

OpDef ReluGradOp() {
  return ElementwiseGradient("relu_grad").Doc("dx = dy where x > 0, otherwise 0");
}

}  // namespace tessera
