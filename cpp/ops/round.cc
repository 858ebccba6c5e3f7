// y = the nearest whole number, ties to the even one. Flat: no gradient flows.
#include "cpp/ops/internal/elementwise.h"

namespace tessera {

OpDef RoundOp() {
  return ElementwiseUnary("round")
      .Doc("y = x rounded to the nearest whole number, ties to even")
      .NoGradient();
}

}  // namespace tessera
