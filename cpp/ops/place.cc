// x[..., e] = sum of the y[..., k] with ids[..., k] = e, in the order of k, 0 where there is none:
// rows of `size` elements with a few of them filled. Ids outside add nothing. Its gradient is pick.
#include "absl/strings/str_cat.h"
#include "cpp/ops/internal/elementwise.h"

namespace tessera {

OpDef PlaceOp() {
  return OpDef("place")
      .Doc("x[..., e] = the sum of the y whose id is e, 0 where there is none")
      .Signature("y[..., K!], ids[..., K!] -> x[..., {size}]")
      .InputDTypes("y: number, ids: i32")
      .RequiredAttr(AttrSpec::kInt, "size", "elements of a row of the result")
      .Linear({0})
      .Gradient([](GradientContext& context) {
        return SetOnly(context,
                       context.graph().Op("pick", {context.cotangent(), context.input(1)}));
      });
}

}  // namespace tessera
