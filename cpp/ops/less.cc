// out = x < y as a bool, broadcast; false with NaN.
#include "cpp/ops/internal/elementwise.h"

namespace tessera {

OpDef LessOp() {
  return ElementwiseCompare("less").Doc("out = x < y");
}

}  // namespace tessera
