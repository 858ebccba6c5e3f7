// out = x and y of bools, broadcast.
#include "cpp/ops/internal/elementwise.h"

namespace tessera {

OpDef LogicalAndOp() {
  return ElementwiseCompare("logical_and", "bool").Doc("out = x and y").InPlace({{0, 0}, {0, 1}});
}

}  // namespace tessera
