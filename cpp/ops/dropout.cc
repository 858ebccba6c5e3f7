// y = x / (1 - rate) where an element is kept, otherwise 0; `rate` is the probability of 0.
//
// What is kept follows from the key and the element's global index, offset * (elements per slice of
// the leading dim) + index in x, by Philox4x32-10: the mask does not depend on how x is split, and
// the gradient is the op itself on dy. Source: Srivastava et al., "Dropout", 2014.
#include "cpp/ops/internal/checks.h"
#include "cpp/ops/internal/elementwise.h"

namespace tessera {

OpDef DropoutOp() {
  return OpDef("dropout")
      .Doc("y = x / (1 - rate) where kept, otherwise 0")
      .Signature("x[...], key[4], offset[] -> y[...]")
      .InputDTypes("x: float, key: u32, offset: i64")
      .RequiredAttr(AttrSpec::kFloat, "rate", "probability of being dropped, in [0, 1)")
      .Check([](const OpUse& use) { return CheckFraction(use.attrs, "rate"); })
      .Linear({0})
      .InPlace({{0, 0}})
      .Gradient([](GradientContext& context) {
        Graph& graph = context.graph();
        return SetOnly(context,
                       graph.Op("dropout",
                                {context.cotangent(), context.input(1), context.input(2)},
                                context.attrs()));
      });
}

}  // namespace tessera
