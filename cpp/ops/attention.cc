// Scaled dot-product attention with masks, for multi-head, grouped and multi-query layouts.
//
//   s = scale * q . k, capped to cap * tanh(s / cap);  lse = ln(sum of e^s),
//   y = sum of e^(s - lse) v
// over the keys that a query sees. Query t has index (start, or S - T) + t; `causal` hides later
// keys, `window` keys that are at least that far back, `start` keys that are not written yet
// (index start + T and up), segments those of another segment. A query that sees nothing gives
// y = 0, lse = -infinity. Query head h reads key head h / (H / G).
// Sources: Vaswani et al., "Attention is all you need", 2017; Dao et al., "FlashAttention", 2022.
#include "cpp/base/status_macros.h"
#include "cpp/ops/internal/attention.h"
#include "cpp/ops/internal/elementwise.h"

namespace tessera {
namespace {

absl::StatusOr<std::string> AttentionSignature(const OpUse& use) {
  return AttentionSignatureText(use, "q[B, T!, H!, D!], k[B, S!, G!, D!], v[B, S!, G!, E!]",
                                "y[B, T, H, E], lse[B, H, T]");
}

absl::Status AttentionGradient(GradientContext& context) {
  if (context.has_cotangent(1)) {
    return absl::UnimplementedError("attention: no gradient flows through lse");
  }
  std::vector<ValueId> operands = {context.input(0), context.input(1),  context.input(2),
                                   context.output(0), context.output(1), context.cotangent()};
  for (size_t i = 3; i < context.input_count(); ++i) operands.push_back(context.input(i));
  const std::vector<ValueId> gradients =
      context.graph().Ops("attention_grad", std::move(operands), context.attrs(), 3);
  for (size_t i = 0; i < 3; ++i) context.SetGradient(i, gradients[i]);
  return absl::OkStatus();
}

}  // namespace

OpDef AttentionOp() {
  return WithAttentionAttrs(OpDef("attention"))
      .Doc("y = softmax(scale * q . k) v by head over the keys a query sees; lse of the scores")
      .SignatureBy(AttentionSignature)
      .InputDTypes("q: float, k: =q, v: =q, q_segments: i32, k_segments: i32, start: i32")
      .OutputDTypes([](const OpUse& use) -> absl::StatusOr<std::vector<DType>> {
        return std::vector<DType>{use.inputs[0].dtype, WideDType(use.inputs[0].dtype)};
      })
      .Check(CheckAttention)
      .Gradient(AttentionGradient)
      .Flops([](absl::Span<const std::vector<int64_t>> inputs,
                absl::Span<const std::vector<int64_t>>,
                const Attrs&) { return AttentionFlopsOf(inputs); });
}

}  // namespace tessera
