#include "cpp/ops/internal/attention.h"

#include "absl/strings/str_cat.h"
#include "cpp/ops/internal/elementwise.h"

namespace tessera {

OpDef WithAttentionAttrs(OpDef def) {
  return std::move(def)
      .Attr("causal", false, "a query sees no key after its own index")
      .Attr("scale", 1.0, "factor on q . k, such as 1 / sqrt(D)")
      .Attr("window", int64_t{0}, "keys further back than this are not seen; 0: all are")
      .Attr("softcap", 0.0, "scores become cap * tanh(score / cap); 0: no cap")
      .Attr("has_segments", false, "operands q_segments, k_segments: only equal ones meet")
      .Attr("has_start", false, "operand start: index of the first query of each batch row")
      .Attr("has_slopes", false, "operand slopes: how fast scores of a head fall with distance")
      .Attr("has_bias", false, "operand bias: added to the scores");
}

std::string AttentionSignatureText(const OpUse& use, std::string_view operands,
                                   std::string_view results) {
  std::string text(operands);
  if (use.attrs.Bool("has_segments")) {
    absl::StrAppend(&text, ", q_segments[B, T!], k_segments[B, S!]");
  }
  if (use.attrs.Bool("has_start")) absl::StrAppend(&text, ", start[B]");
  if (use.attrs.Bool("has_sinks")) absl::StrAppend(&text, ", sinks[H!]");
  if (use.attrs.Bool("has_slopes")) absl::StrAppend(&text, ", slopes[H!]");
  if (use.attrs.Bool("has_bias")) {
    const bool by_batch = !use.inputs.empty() && use.inputs.back().dims.size() == 4;
    absl::StrAppend(&text, by_batch ? ", bias[B, H!, T!, S!]" : ", bias[H!, T!, S!]");
  }
  return absl::StrCat(text, " -> ", results);
}

namespace {

// What is added to scores is as q, or as statistics are kept.
absl::Status CheckAddedDTypes(const OpUse& use) {
  const DType narrow = use.inputs[0].dtype, wide = WideDType(narrow);
  size_t at = use.inputs.size();
  for (const std::string_view name : {"bias", "slopes", "sinks"}) {
    if (!use.attrs.Bool(absl::StrCat("has_", name))) continue;
    const ValueType& added = use.inputs[--at];
    if (added.dtype == narrow || added.dtype == wide) continue;
    return absl::InvalidArgumentError(absl::StrCat(name, " must be ", Name(wide), " or as q ",
                                                   use.inputs[0].ToText(), ", got ",
                                                   added.ToText()));
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status CheckAttention(const OpUse& use) {
  const Dim& heads = use.inputs[0].dims[2];
  const Dim& key_heads = use.inputs[1].dims[2];
  if (heads.IsConst() && key_heads.IsConst() && heads != key_heads &&
      (key_heads.value() == 0 || heads.value() % key_heads.value() != 0)) {
    return absl::InvalidArgumentError(
        absl::StrCat("query heads must be a multiple of key heads, got ", use.inputs[0].ToText(),
                     " and ", use.inputs[1].ToText()));
  }
  const int64_t window = use.attrs.Int("window");
  if (window < 0) {
    return absl::InvalidArgumentError(absl::StrCat("window must be at least 0, got ", window));
  }
  const double softcap = use.attrs.Float("softcap");
  if (softcap >= 0) return CheckAddedDTypes(use);
  return absl::InvalidArgumentError(absl::StrCat("softcap must be at least 0, got ", softcap));
}

double AttentionFlopsOf(absl::Span<const std::vector<int64_t>> input_dims) {
  const std::vector<int64_t>& q = input_dims[0];
  const std::vector<int64_t>& v = input_dims[2];
  const double scores = static_cast<double>(q[0]) * static_cast<double>(q[1]) *
                        static_cast<double>(q[2]) * static_cast<double>(v[1]);
  return 2 * scores * static_cast<double>(q[3] + v[3]);
}

}  // namespace tessera
