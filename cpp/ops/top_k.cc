// values = the k largest of the last dim of x, largest first, indices = where they stood. Of equal
// values the first comes first; NaN counts as lowest.
#include "absl/strings/str_cat.h"
#include "cpp/ops/internal/elementwise.h"
#include "cpp/ops/internal/scatter_rows.h"

namespace tessera {
namespace {

absl::Status CheckTopK(const OpUse& use) {
  const int64_t k = use.attrs.Int("k");
  const Dim& depth = use.inputs[0].dims.back();
  if (k >= 0 && (!depth.IsConst() || k <= depth.value())) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("k must be between 0 and the last dim of ",
                                                 use.inputs[0].ToText(), ", got ", k));
}

}  // namespace

OpDef TopKOp() {
  return OpDef("top_k")
      .Doc("values = the k largest of the last dim, indices = where they stood")
      .Signature("x[..., D!] -> values[..., {k}], indices[..., {k}]")
      .InputDTypes("x: number")
      .OutputDTypes([](const OpUse& use) -> absl::StatusOr<std::vector<DType>> {
        return std::vector<DType>{use.inputs[0].dtype, DType::kI32};
      })
      .RequiredAttr(AttrSpec::kInt, "k", "how many; at most the last dim")
      .Check(CheckTopK)
      .Gradient([](GradientContext& context) {
        return SetOnly(context, ScatterRows(context, context.output(1), context.cotangent()));
      });
}

}  // namespace tessera
