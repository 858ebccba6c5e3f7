// out = x + y, broadcast.
#include "cpp/ops/internal/elementwise.h"

namespace tessera {

OpDef AddOp() {
  return ElementwiseBinary("add")
      .Doc("out = x + y")
      .LinearTogether({0, 1})
      .Gradient([](GradientContext& context) {
        SetBroadcast(context, 0, context.cotangent());
        SetBroadcast(context, 1, context.cotangent());
        return absl::OkStatus();
      });
}

}  // namespace tessera
