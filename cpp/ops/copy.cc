// y = x, in memory of its own.
#include "cpp/ops/internal/elementwise.h"

namespace tessera {

OpDef CopyOp() {
  return OpDef("copy")
      .Doc("y = x, in memory of its own")
      .Signature("x[...] -> y[...]")
      .Linear({0})
      .Gradient([](GradientContext& context) { return SetOnly(context, context.cotangent()); })
      .Grouped("unchanged");
}

}  // namespace tessera
