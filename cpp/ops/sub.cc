// out = x - y, broadcast.
#include "cpp/ops/internal/elementwise.h"

namespace tessera {

OpDef SubOp() {
  return ElementwiseBinary("sub")
      .Doc("out = x - y")
      .LinearTogether({0, 1})
      .Gradient([](GradientContext& context) {
        SetBroadcast(context, 0, context.cotangent());
        if (context.needs(1)) {
          SetBroadcast(context, 1, context.graph().Op("neg", {context.cotangent()}));
        }
        return absl::OkStatus();
      });
}

}  // namespace tessera
