// values = x sorted along the last dim, indices = where each value stood. Stable; NaN counts as
// lowest.
#include "absl/strings/str_cat.h"
#include "cpp/ops/internal/elementwise.h"
#include "cpp/ops/internal/scatter_rows.h"

namespace tessera {
namespace {

absl::Status CheckSort(const OpUse& use) {
  const int64_t dim = use.attrs.Int("dim");
  if (dim == -1 || dim == static_cast<int64_t>(use.inputs[0].dims.size()) - 1) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(absl::StrCat("dim expected the last one (or -1) of ",
                                                 use.inputs[0].ToText(), ", got ", dim));
}

}  // namespace

OpDef SortOp() {
  return OpDef("sort")
      .Doc("values = x sorted along the last dim, indices = where each stood; stable")
      .Signature("x[..., D!] -> values[..., D], indices[..., D]")
      .InputDTypes("x: number")
      .OutputDTypes([](const OpUse& use) -> absl::StatusOr<std::vector<DType>> {
        return std::vector<DType>{use.inputs[0].dtype, DType::kI32};
      })
      .Attr("dim", int64_t{-1}, "the last one")
      .Attr("descending", false, "largest first")
      .Check(CheckSort)
      .Gradient([](GradientContext& context) {
        return SetOnly(context, ScatterRows(context, context.output(1), context.cotangent()));
      });
}

}  // namespace tessera
