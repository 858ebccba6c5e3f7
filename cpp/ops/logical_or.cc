// out = x or y of bools, broadcast.
#include "cpp/ops/internal/elementwise.h"

namespace tessera {

OpDef LogicalOrOp() {
  return ElementwiseCompare("logical_or", "bool").Doc("out = x or y").InPlace({{0, 0}, {0, 1}});
}

}  // namespace tessera
