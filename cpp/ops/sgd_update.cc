// One step k of stochastic gradient descent with momentum on one parameter p, in place:
//
//   g = clip * grad + weight_decay * p;  b = g for k = 1,
//   otherwise b = momentum * b + (1 - dampening) * g
//   p = p - lr * (nesterov ? g + momentum * b : b)
// `step` is k, from 1. Source: Sutskever et al., "On the importance of initialization and momentum
// in deep learning", 2013.
#include "cpp/base/status_macros.h"
#include "cpp/ops/internal/checks.h"

namespace tessera {

OpDef SgdUpdateOp() {
  return OpDef("sgd_update")
      .Doc("one step of SGD with momentum on a parameter and its momentum buffer, in place")
      .Signature(
          "param[...], grad[...], buffer[...], lr[], step[], clip[] -> new_param[...], "
          "new_buffer[...]")
      .InputDTypes("param: f32|f64, grad: =param, buffer: =param, lr: f32, step: f32, clip: f32")
      .Attr("momentum", 0.9, "decay of the buffer, in [0, 1)")
      .Attr("dampening", 0.0, "share of a new gradient that does not enter the buffer, in [0, 1)")
      .Attr("nesterov", false, "look ahead by one more momentum step")
      .Attr("weight_decay", 0.0, "added to the gradient, times the parameter")
      .Check([](const OpUse& use) {
        RETURN_IF_ERROR(CheckFraction(use.attrs, "momentum"));
        return CheckFraction(use.attrs, "dampening");
      })
      .InPlace({{0, 0}, {1, 2}})
      .NoGradient()
      .Flops([](absl::Span<const std::vector<int64_t>> inputs,
                absl::Span<const std::vector<int64_t>>, const Attrs&) {
        double flops = 8;
        for (int64_t dim : inputs[0]) flops *= static_cast<double>(dim);
        return flops;
      })
      .Grouped("unchanged");
}

}  // namespace tessera
