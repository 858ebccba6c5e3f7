// Gradient of attention with respect to its bias: that of the scores,
//   dbias = p * (dy . v - delta),  p = e^(s - lse),  delta = sum of y * dy
// at the keys that a query sees and 0 elsewhere; summed over the batch for a bias [H, T, S]. Scores
// are computed again, so nothing of that size is kept but the result.
#include "absl/strings/str_cat.h"
#include "cpp/ops/internal/attention.h"
#include "cpp/ops/internal/elementwise.h"

namespace tessera {
namespace {

absl::StatusOr<std::string> AttentionBiasGradSignature(const OpUse& use) {
  const bool by_batch = !use.inputs.empty() && use.inputs.back().dims.size() == 4;
  return AttentionSignatureText(
      use,
      "q[B, T!, H!, D!], k[B, S!, G!, D!], v[B, S!, G!, E!], y[B, T!, H!, E!], lse[B, H!, T!], "
      "dy[B, T!, H!, E!]",
      by_batch ? "dbias[B, H, T, S]" : "dbias[H, T, S]");
}

absl::Status CheckAttentionBias(const OpUse& use) {
  if (use.attrs.Bool("has_bias")) return CheckAttention(use);
  return absl::InvalidArgumentError("has_bias must be true, got false");
}

}  // namespace

OpDef AttentionBiasGradOp() {
  return WithAttentionAttrs(OpDef("attention_bias_grad"))
      .Doc("gradient of attention with respect to its bias")
      .SignatureBy(AttentionBiasGradSignature)
      .InputDTypes(absl::StrCat("q: float, k: =q, v: =q, y: =q, lse: f32|f64, dy: =q, ",
                                kAttentionOptionalDTypes))
      .OutputDTypes([](const OpUse& use) -> absl::StatusOr<std::vector<DType>> {
        return std::vector<DType>{use.inputs.back().dtype};
      })
      .Check(CheckAttentionBias)
      .Flops([](absl::Span<const std::vector<int64_t>> inputs,
                absl::Span<const std::vector<int64_t>>,
                const Attrs&) { return AttentionFlopsOf(inputs); });
}

}  // namespace tessera
