// y[..., k] = x[..., ids[..., k]]: for every row, elements by their place in it; 0 for a place
// outside the row. Its gradient is place.
#include "cpp/ops/internal/elementwise.h"

namespace tessera {

OpDef PickOp() {
  return OpDef("pick")
      .Doc("y[..., k] = x[..., ids[..., k]], 0 for an id outside")
      .Signature("x[..., E!], ids[..., K] -> y[..., K]")
      .InputDTypes("x: number, ids: i32")
      .Linear({0})
      .Gradient([](GradientContext& context) {
        const int64_t size = context.input_type(0).dims.back().IsConst()
                                 ? context.input_type(0).dims.back().value()
                                 : -1;
        if (size < 0) {
          return absl::UnimplementedError("pick: the gradient needs rows of constant length");
        }
        return SetOnly(context, context.graph().Op("place",
                                                   {context.cotangent(), context.input(1)},
                                                   {{"size", size}}));
      });
}

}  // namespace tessera
