// y = true where x is neither infinite nor NaN.
#include "cpp/ops/internal/elementwise.h"

namespace tessera {

OpDef IsFiniteOp() {
  return OpDef("is_finite")
      .Doc("y = true where x is neither infinite nor NaN")
      .Elementwise(1)
      .InputDTypes("x: float")
      .OutputDType(DType::kBool)
      .NoGradient();
}

}  // namespace tessera
