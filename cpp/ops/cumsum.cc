// y[i] = sum of x[0] .. x[i] along a dim; from the end with `reverse`, without x[i] itself with
// `exclusive`. Its gradient is the same sum from the other end.
#include "absl/strings/str_cat.h"
#include "cpp/base/status_macros.h"
#include "cpp/ops/internal/elementwise.h"
#include "cpp/ops/internal/shape.h"

namespace tessera {
namespace {

absl::StatusOr<std::string> CumsumSignature(const OpUse& use) {
  RETURN_IF_ERROR(ExpectInputs(use, 1));
  ASSIGN_OR_RETURN(const size_t dim, DimAttr(use));
  const size_t rank = use.inputs[0].dims.size();
  return absl::StrCat("x", AlongDim(rank, dim, "c!"), " -> y", AlongDim(rank, dim, "c"));
}

absl::Status CumsumGradient(GradientContext& context) {
  Attrs attrs = context.attrs();
  attrs.Set("reverse", !attrs.Bool("reverse"));
  return SetOnly(context,
                 context.graph().Op("cumsum", {context.cotangent()}, std::move(attrs)));
}

}  // namespace

OpDef CumsumOp() {
  return OpDef("cumsum")
      .Doc("y[i] = sum of x[0] .. x[i] along `dim`")
      .SignatureBy(CumsumSignature)
      .InputDTypes("x: number")
      .RequiredAttr(AttrSpec::kInt, "dim", "along which is summed")
      .Attr("reverse", false, "sum from the end")
      .Attr("exclusive", false, "leave out the element itself")
      .Linear({0})
      .Gradient(CumsumGradient);
}

}  // namespace tessera
