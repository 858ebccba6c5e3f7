// y = sum of x over the dims `dims`, in fp32 (fp64 for f64), rounded once to `dtype`.
//
// Elements are summed in fixed chunks that follow from the dims, whatever the number of threads.
#include "cpp/ops/internal/elementwise.h"
#include "cpp/ops/internal/reduction.h"
#include "cpp/ops/internal/shape.h"

namespace tessera {

OpDef ReduceSumOp() {
  return WithReductionAttrs(OpDef("reduce_sum"))
      .Doc("y = sum of x over `dims`")
      .SignatureBy(SumSignature)
      .InputDTypes("x: number")
      .Attr("dtype", "", "of the result; empty: that of x")
      .OutputDTypeAttr("dtype")
      .Linear({0})
      .Gradient([](GradientContext& context) {
        return SetOnly(context, SpreadOverReduced(context, context.cotangent()));
      })
      .Flops(ReductionFlops);
}

}  // namespace tessera
