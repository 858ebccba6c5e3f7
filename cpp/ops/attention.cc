// Scaled dot-product attention with masks, for multi-head, grouped and multi-query layouts.
//
//   s = scale * q . k, capped to cap * tanh(s / cap), minus slope * |distance|, plus bias
//   lse = ln(sum of e^s),  y = sum of e^(s - lse) v
// over the keys that a query sees. Query t has index (start, or S - T) + t, and distance is from
// there to the key's index; `causal` hides later keys, `window` keys that are at least that far
// back, `start` keys that are not written yet (index start + T and up), segments those of another
// segment. A sink is a logit of each head that takes part in lse and has no value: attention may
// go nowhere. A query that sees nothing gives y = 0, lse = the sink, or -infinity without one.
// Query head h reads key head h / (H / G). With delta = sum of y * dy, d sink = - sum over queries
// of e^(sink - lse) delta.
// Sources: Vaswani et al., "Attention is all you need", 2017; Dao et al., "FlashAttention", 2022;
// slopes: Press et al., "Train short, test long" (ALiBi), 2022; sinks: Xiao et al., "Efficient
// streaming language models with attention sinks", 2024, as learned in OpenAI's gpt-oss, 2025.
#include "absl/strings/str_cat.h"
#include "cpp/ops/internal/attention.h"
#include "cpp/ops/internal/elementwise.h"

namespace tessera {
namespace {

absl::StatusOr<std::string> AttentionSignature(const OpUse& use) {
  return AttentionSignatureText(use, "q[B, T!, H!, D!], k[B, S!, G!, D!], v[B, S!, G!, E!]",
                                "y[B, T, H, E], lse[B, H, T]");
}

// The gradient of sinks[H], in the dtype of lse: ordinary nodes, since lse holds all it needs.
ValueId SinksGradient(GradientContext& context, ValueId sinks) {
  Graph& graph = context.graph();
  if (!graph.ok()) return kNoValue;
  const DType wide = context.output_type(1).dtype;
  const ValueId delta_BTH = graph.Sum(
      graph.Mul(graph.Cast(context.output(0), wide), graph.Cast(context.cotangent(), wide)), {3});
  const Dim heads = graph.dims(sinks)[0];
  const ValueId sinks_H1 = graph.Reshape(graph.Cast(sinks, wide), {heads, Dim(1)});
  const ValueId share_BHT = graph.Op("exp", {graph.Sub(sinks_H1, context.output(1))});
  const ValueId terms_BHT = graph.Mul(share_BHT, graph.Transpose(delta_BTH, {0, 2, 1}));
  return graph.Op("neg", {graph.Sum(terms_BHT, {0, 2})});
}

// Which operand of the forward op each optional one is, -1 where absent.
struct OptionalOperands {
  int sinks = -1, slopes = -1, bias = -1;

  explicit OptionalOperands(const Attrs& attrs) {
    int next = 3 + (attrs.Bool("has_segments") ? 2 : 0) + (attrs.Bool("has_start") ? 1 : 0);
    if (attrs.Bool("has_sinks")) sinks = next++;
    if (attrs.Bool("has_slopes")) slopes = next++;
    if (attrs.Bool("has_bias")) bias = next;
  }
  bool Needs(const GradientContext& context, int operand) const {
    return operand >= 0 && context.needs(static_cast<size_t>(operand));
  }
};

absl::Status AttentionGradient(GradientContext& context) {
  if (context.has_cotangent(1)) {
    return absl::UnimplementedError("attention: no gradient flows through lse");
  }
  const OptionalOperands optional(context.attrs());
  if (optional.Needs(context, optional.slopes)) {
    return absl::UnimplementedError("attention: slopes are constants, they get no gradient");
  }
  // The gradients' operands have no sinks: what those change is in lse.
  std::vector<ValueId> operands = {context.input(0),  context.input(1),  context.input(2),
                                   context.output(0), context.output(1), context.cotangent()};
  for (size_t i = 3; i < context.input_count(); ++i) {
    if (static_cast<int>(i) != optional.sinks) operands.push_back(context.input(i));
  }
  Attrs attrs;
  for (const auto& [name, value] : context.attrs().entries()) {
    if (name != "has_sinks") attrs.Set(name, value);
  }
  if (optional.Needs(context, optional.sinks)) {
    const size_t i = static_cast<size_t>(optional.sinks);
    context.SetGradient(i, SinksGradient(context, context.input(i)));
  }
  if (optional.Needs(context, optional.bias)) {
    context.SetGradient(static_cast<size_t>(optional.bias),
                        context.graph().Op("attention_bias_grad", operands, attrs));
  }
  const std::vector<ValueId> gradients =
      context.graph().Ops("attention_grad", std::move(operands), std::move(attrs), 3);
  for (size_t i = 0; i < 3; ++i) context.SetGradient(i, gradients[i]);
  return absl::OkStatus();
}

}  // namespace

OpDef AttentionOp() {
  return WithAttentionAttrs(OpDef("attention"))
      .Attr("has_sinks", false, "operand sinks: a logit of each head that has no value")
      .Doc("y = softmax(scale * q . k) v by head over the keys a query sees; lse of the scores")
      .SignatureBy(AttentionSignature)
      .InputDTypes(absl::StrCat("q: float, k: =q, v: =q, ", kAttentionOptionalDTypes))
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
