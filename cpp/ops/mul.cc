// out = x * y, broadcast; dx = dy * y and the other way round.
#include "cpp/ops/internal/elementwise.h"

namespace tessera {

OpDef MulOp() {
  return ElementwiseBinary("mul")
      .Doc("out = x * y")
      .Linear({0, 1})
      .Gradient([](GradientContext& context) {
        for (size_t i = 0; i < 2; ++i) {
          if (!context.needs(i)) continue;
          SetBroadcast(context, i, context.graph().Mul(context.cotangent(), context.input(1 - i)));
        }
        return absl::OkStatus();
      });
}

}  // namespace tessera
