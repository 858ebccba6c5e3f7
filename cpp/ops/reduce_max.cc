// y = the largest element of x over the dims `dims`; NaN if there is one. The gradient is shared
// evenly by the elements that are equal to the result.
#include "cpp/ops/internal/elementwise.h"
#include "cpp/ops/internal/reduction.h"
#include "cpp/ops/internal/shape.h"

namespace tessera {

OpDef ReduceMaxOp() {
  return WithReductionAttrs(OpDef("reduce_max"))
      .Doc("y = the largest element of x over `dims`")
      .SignatureBy(WholeReduceSignature)
      .InputDTypes("x: number")
      .Gradient([](GradientContext& context) {
        return SetOnly(context, ShareAmongEqual(context));
      })
      .Flops(ReductionFlops);
}

}  // namespace tessera
