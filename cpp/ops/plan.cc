// The plan of a routing: where every chosen (token, slot) stands when rows are sorted by expert.
//
// ids[t, j] is the expert that slot j of token t chose, or -1 where there is none. A stable
// counting sort puts the chosen slots in order of expert, those of one expert in order of token,
// then slot. Row r of the sorted order:
//   slots[r] = t * K + j, the slot it came from; experts[r], whose row it is; both -1 after the end
//   rows[t, j] = r, or -1 for a slot without a row
//   counts[e] = rows of expert e
// `slots` and `experts` are one list in row-major order, stored beside the tokens: R rows for each
// of them, rows_per_token = K or fewer where fewer are enough. An id outside, an expert twice for a
// token, a weight that is not finite and a row too many are errors that say token, slot and value.
#include "cpp/ops/internal/checks.h"
#include "cpp/ops/internal/elementwise.h"

namespace tessera {

OpDef PlanOp() {
  return OpDef("plan")
      .Doc("where every chosen (token, slot) stands when rows are sorted by expert")
      .Signature("ids[..., K!], weights?[..., K!] -> rows[..., K], slots[..., {rows_per_token}], "
                 "experts[..., {rows_per_token}], counts[{num_experts}]")
      .InputDTypes("ids: i32, weights: float")
      .OutputDType(DType::kI32)
      .RequiredAttr(AttrSpec::kInt, "num_experts", "how many there are")
      .RequiredAttr(AttrSpec::kInt, "rows_per_token",
                    "rows planned for each token; the last dim of ids is always enough")
      .Check(CheckExperts)
      .NoGradient();
}

}  // namespace tessera
