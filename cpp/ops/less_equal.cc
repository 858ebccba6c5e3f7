// out = x <= y as a bool, broadcast; false with NaN.
#include "cpp/ops/internal/elementwise.h"

namespace tessera {

OpDef LessEqualOp() {
  return ElementwiseCompare("less_equal").Doc("out = x <= y");
}

}  // namespace tessera
