// The plan of a routing: where every chosen (token, slot) stands when rows are sorted by expert.
//
// ids[t, j] is the expert that slot j of token t chose, or -1 where there is none. A stable
// counting sort puts the chosen slots in order of expert, those of one expert in order of token,
// then slot. Row r of the sorted order:
//   slots[r] = t * K + j, the slot it came from; experts[r], whose row it is; both -1 after the end
//   rows[t, j] = r, or -1 for a slot without a row
//   counts[e] = rows of expert e
// `slots` and `experts` are one list in row-major order, stored beside the tokens: R rows for each
// of them, K unless rows_per_token says that fewer are enough. An id outside, an expert twice for a
// token, a weight that is not finite and a row too many are errors that say token, slot and value.
#include "absl/strings/str_cat.h"
#include "cpp/ops/internal/elementwise.h"

namespace tessera {
namespace {

absl::StatusOr<std::string> PlanSignature(const OpUse& use) {
  const int64_t rows = use.attrs.Int("rows_per_token");
  if (rows < 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("rows_per_token must be at least 0, got ", rows));
  }
  std::string planned = absl::StrCat("{", rows, "}");
  if (rows == 0) {
    if (use.inputs.empty() || use.inputs[0].dims.empty() || !use.inputs[0].dims.back().IsConst()) {
      return absl::InvalidArgumentError("expected ids[..., K] with a constant K");
    }
    planned = absl::StrCat("{", use.inputs[0].dims.back().value(), "}");
  }
  return absl::StrCat("ids[..., K!], weights?[..., K!] -> rows[..., K], slots[..., ", planned,
                      "], experts[..., ", planned, "], counts[{num_experts}]");
}

absl::Status CheckPlan(const OpUse& use) {
  if (use.attrs.Int("num_experts") >= 1) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("num_experts must be at least 1, got ", use.attrs.Int("num_experts")));
}

}  // namespace

OpDef PlanOp() {
  return OpDef("plan")
      .Doc("where every chosen (token, slot) stands when rows are sorted by expert")
      .SignatureBy(PlanSignature)
      .InputDTypes("ids: i32, weights: float")
      .OutputDType(DType::kI32)
      .RequiredAttr(AttrSpec::kInt, "num_experts", "how many there are")
      .Attr("rows_per_token", int64_t{0}, "rows planned for each token; 0: the last dim of ids")
      .Check(CheckPlan)
      .NoGradient();
}

}  // namespace tessera
