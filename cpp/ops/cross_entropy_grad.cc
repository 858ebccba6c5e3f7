// Gradient of cross_entropy. With p = e^(logits - lse):
//   dlogits = dloss * (p - (1 - s) * [class is target] - s / V + 2 z lse p)
// Rows whose target is ignored get zeros.
#include "cpp/ops/internal/cross_entropy.h"

namespace tessera {

OpDef CrossEntropyGradOp() {
  return WithCrossEntropyAttrs(OpDef("cross_entropy_grad"))
      .Doc("gradient of cross_entropy with respect to logits")
      .Signature("logits[..., V!], targets[...], lse[...], dloss[...] -> dlogits[..., V]")
      .InputDTypes("logits: float, targets: i32|i64, lse: f32|f64, dloss: =lse")
      .Check(CheckCrossEntropy)
      .Linear({3})
      .InPlace({{0, 0}})
      .Flops([](absl::Span<const std::vector<int64_t>> inputs,
                absl::Span<const std::vector<int64_t>>, const Attrs&) {
        double flops = 4;
        for (int64_t dim : inputs[0]) flops *= static_cast<double>(dim);
        return flops;
      });
}

}  // namespace tessera
