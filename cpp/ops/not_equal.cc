// out = x != y as a bool, broadcast; true with NaN.
#include "cpp/ops/internal/elementwise.h"

namespace tessera {

OpDef NotEqualOp() {
  return ElementwiseCompare("not_equal", "any").Doc("out = x != y");
}

}  // namespace tessera
