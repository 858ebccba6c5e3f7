// y = x in another dtype. Floats to integers: towards 0, saturating, NaN to 0; to bool: x != 0;
// to narrower floats: nearest, ties to even.
//
// Linear for sharding where nothing is rounded: a partial sum is completed before it is narrowed.
#include "cpp/ops/internal/elementwise.h"

namespace tessera {

OpDef CastOp() {
  return OpDef("cast")
      .Doc("y = x in another dtype")
      .Signature("x[...] -> y[...]")
      .RequiredAttr(AttrSpec::kText, "dtype", "of the result")
      .OutputDTypeAttr("dtype")
      .Linear({0})
      .Gradient([](GradientContext& context) {
        return SetOnly(context,
                       context.graph().Cast(context.cotangent(), context.gradient_dtype(0)));
      })
      .Grouped("unchanged");
}

}  // namespace tessera
