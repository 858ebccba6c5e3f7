// out = x >= y as a bool, broadcast; false with NaN.
#include "cpp/ops/internal/elementwise.h"

namespace tessera {

OpDef GreaterEqualOp() {
  return ElementwiseCompare("greater_equal").Doc("out = x >= y");
}

}  // namespace tessera
