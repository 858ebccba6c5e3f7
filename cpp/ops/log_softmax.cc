// y = x - ln(sum of e^x) over the last dim; the largest x is taken off first, so that
// nothing overflows.
#include "cpp/ops/internal/elementwise.h"

namespace tessera {

OpDef LogSoftmaxOp() {
  return OpDef("log_softmax")
      .Doc("y = x - ln(sum of e^x) over the last dim")
      .Signature("x[..., D!] -> y[..., D]")
      .InputDTypes("x: float")
      .Gradient([](GradientContext& context) {
        Graph& graph = context.graph();
        return SetOnly(context,
                       graph.Op("log_softmax_grad", {context.output(), context.cotangent()}));
      })
      .Grouped("unchanged");
}

}  // namespace tessera
