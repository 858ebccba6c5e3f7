// out = x == y as a bool, broadcast; false with NaN.
#include "cpp/ops/internal/elementwise.h"

namespace tessera {

OpDef EqualOp() {
  return ElementwiseCompare("equal", "any").Doc("out = x == y");
}

}  // namespace tessera
