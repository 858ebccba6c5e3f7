// out = x > y as a bool, broadcast; false with NaN.
#include "cpp/ops/internal/elementwise.h"

namespace tessera {

OpDef GreaterOp() {
  return ElementwiseCompare("greater").Doc("out = x > y");
}

}  // namespace tessera
