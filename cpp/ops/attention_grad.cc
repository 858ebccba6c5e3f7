// Gradients of attention. With p = e^(s - lse) over the keys seen and delta = sum of y * dy:
//   dv = sum of p dy,  ds = p * (dy . v - delta),  times 1 - (s / cap)^2 where scores are capped,
//   dq = scale * sum of ds k,  dk = scale * sum of ds q
// summed over the query heads that share a key head. Scores are computed again from q and k, slopes
// and bias; sinks are in lse. The gradient of the bias is an op of its own, attention_bias_grad.
#include "absl/strings/str_cat.h"
#include "cpp/ops/internal/attention.h"
#include "cpp/ops/internal/elementwise.h"

namespace tessera {
namespace {

absl::StatusOr<std::string> AttentionGradSignature(const OpUse& use) {
  return AttentionSignatureText(
      use,
      "q[B, T!, H!, D!], k[B, S!, G!, D!], v[B, S!, G!, E!], y[B, T!, H!, E!], lse[B, H!, T!], "
      "dy[B, T!, H!, E!]",
      "dq[B, T, H, D], dk[B, S, G, D], dv[B, S, G, E]");
}

}  // namespace

OpDef AttentionGradOp() {
  return WithAttentionAttrs(OpDef("attention_grad"))
      .Doc("gradients of attention with respect to q, k and v")
      .SignatureBy(AttentionGradSignature)
      .InputDTypes(absl::StrCat("q: float, k: =q, v: =q, y: =q, lse: f32|f64, dy: =q, ",
                                kAttentionOptionalDTypes))
      .Check(CheckAttention)
      .Flops([](absl::Span<const std::vector<int64_t>> inputs,
                absl::Span<const std::vector<int64_t>>,
                const Attrs&) { return 2.5 * AttentionFlopsOf(inputs); });
}

}  // namespace tessera
