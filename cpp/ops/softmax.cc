// y = e^x / sum of e^x over the last dim; the largest x is taken off first, so that
// nothing overflows.
#include "cpp/ops/internal/elementwise.h"

namespace tessera {

OpDef SoftmaxOp() {
  return OpDef("softmax")
      .Doc("y = e^x / sum of e^x over the last dim")
      .Signature("x[..., D!] -> y[..., D]")
      .InputDTypes("x: float")
      .Gradient([](GradientContext& context) {
        Graph& graph = context.graph();
        return SetOnly(context,
                       graph.Op("softmax_grad", {context.output(), context.cotangent()}));
      })
      .Grouped("unchanged");
}

}  // namespace tessera
