// Gradient of softmax, from its result y: dx = y * (dy - sum of y * dy over the last dim).
#include "cpp/ir/op_def.h"

namespace tessera {

OpDef SoftmaxGradOp() {
  return OpDef("softmax_grad")
      .Doc("dx = y * (dy - sum of y * dy over the last dim)")
      .Signature("y[..., D!], dy[..., D!] -> dx[..., D]")
      .InputDTypes("y: float, dy: =y")
      .Linear({1})
      .Grouped("unchanged");
}

}  // namespace tessera
