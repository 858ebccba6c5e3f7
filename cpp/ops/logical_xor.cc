// out = x xor y of bools, broadcast.
#include "cpp/ops/internal/elementwise.h"

namespace tessera {

OpDef LogicalXorOp() {
  return ElementwiseCompare("logical_xor", "bool").Doc("out = x xor y").InPlace({{0, 0}, {0, 1}});
}

}  // namespace tessera
