// y = value everywhere.
#include "cpp/ops/internal/elementwise.h"

namespace tessera {

OpDef FillOp() {
  return OpDef("fill")
      .Doc("y = value everywhere")
      .Signature("-> y[{shape...}]")
      .Attr("shape", "", "dims of the result, such as \"B,T\"; empty: a scalar")
      .Attr("value", 0.0, "of every element")
      .Attr("dtype", "f32", "of the result")
      .OutputDTypeAttr("dtype")
      .Repeats()
      .NoGradient();
}

}  // namespace tessera
