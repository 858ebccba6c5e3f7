// y = the smallest element of x over the dims `dims`; NaN if there is one. The gradient is shared
// evenly by the elements that are equal to the result.
#include "cpp/ops/internal/elementwise.h"
#include "cpp/ops/internal/reduction.h"
#include "cpp/ops/internal/shape.h"

namespace tessera {

OpDef ReduceMinOp() {
  return WithReductionAttrs(OpDef("reduce_min"))
      .Doc("y = the smallest element of x over `dims`")
      .SignatureBy(WholeReduceSignature)
      .InputDTypes("x: number")
      .Gradient([](GradientContext& context) {
        return SetOnly(context, ShareAmongEqual(context));
      })
      .Flops(ReductionFlops);
}

}  // namespace tessera
