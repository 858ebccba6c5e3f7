// Gradient of log_softmax, from its result y: dx = dy - e^y * sum of dy over the last dim.
#include "cpp/ir/op_def.h"

namespace tessera {

OpDef LogSoftmaxGradOp() {
  return OpDef("log_softmax_grad")
      .Doc("dx = dy - e^y * sum of dy over the last dim")
      .Signature("y[..., D!], dy[..., D!] -> dx[..., D]")
      .InputDTypes("y: float, dy: =y")
      .Linear({1})
      .Grouped("unchanged");
}

}  // namespace tessera
