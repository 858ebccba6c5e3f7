// One step k of AdamW on one parameter p, in place:
//
//   g = clip * grad;  p = p * (1 - lr * weight_decay)
//   m = beta1 * m + (1 - beta1) * g;  v = beta2 * v + (1 - beta2) * g^2
//   p = p - lr * (m / (1 - beta1^k)) / (sqrt(v / (1 - beta2^k)) + epsilon)
// `step` is k, from 1. Source: Loshchilov, Hutter, "Decoupled weight decay regularization", 2019.
#include "cpp/base/status_macros.h"
#include "cpp/ops/internal/checks.h"

namespace tessera {
namespace {

absl::Status CheckAdamw(const OpUse& use) {
  RETURN_IF_ERROR(CheckFraction(use.attrs, "beta1"));
  RETURN_IF_ERROR(CheckFraction(use.attrs, "beta2"));
  return CheckEpsilon(use);
}

}  // namespace

OpDef AdamwUpdateOp() {
  return OpDef("adamw_update")
      .Doc("one step of AdamW on a parameter and its two moments, in place")
      .Signature(
          "param[...], grad[...], m[...], v[...], lr[], step[], clip[] -> new_param[...], "
          "new_m[...], new_v[...]")
      .InputDTypes(
          "param: f32|f64, grad: =param, m: =param, v: =param, lr: f32, step: f32, clip: f32")
      .Attr("beta1", 0.9, "decay of the first moment, in [0, 1)")
      .Attr("beta2", 0.999, "decay of the second moment, in [0, 1)")
      .Attr("epsilon", 1e-8, "added to the root; at least 0")
      .Attr("weight_decay", 0.0, "decoupled from the gradient; times lr")
      .Check(CheckAdamw)
      .InPlace({{0, 0}, {1, 2}, {2, 3}})
      .NoGradient()
      .Flops([](absl::Span<const std::vector<int64_t>> inputs,
                absl::Span<const std::vector<int64_t>>, const Attrs&) {
        double flops = 14;
        for (int64_t dim : inputs[0]) flops *= static_cast<double>(dim);
        return flops;
      })
      .Grouped("unchanged");
}

}  // namespace tessera
