#include "cpp/ops/internal/attention.h"

#include "absl/strings/str_cat.h"

namespace tessera {

OpDef WithAttentionAttrs(OpDef def) {
  return std::move(def)
      .Attr("causal", false, "a query sees no key after its own index")
      .Attr("scale", 1.0, "factor on q . k, such as 1 / sqrt(D)")
      .Attr("window", int64_t{0}, "keys further back than this are not seen; 0: all are")
      .Attr("softcap", 0.0, "scores become cap * tanh(score / cap); 0: no cap")
      .Attr("has_segments", false, "operands q_segments, k_segments: only equal ones meet")
      .Attr("has_start", false, "operand start: index of the first query of each batch row");
}

std::string AttentionSignatureText(const OpUse& use, std::string_view operands,
                                   std::string_view results) {
  const bool has_segments = use.attrs.Bool("has_segments");
  return absl::StrCat(operands,
                      has_segments ? ", q_segments[B, T!], k_segments[B, S!]" : "",
                      use.attrs.Bool("has_start") ? ", start[B]" : "", " -> ", results);
}

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
  if (softcap >= 0) return absl::OkStatus();
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
