// y = x with `low` elements of `value` before it and `high` after it along a dim.
#include "absl/strings/str_cat.h"
#include "cpp/base/status_macros.h"
#include "cpp/ops/internal/elementwise.h"
#include "cpp/ops/internal/shape.h"

namespace tessera {
namespace {

absl::StatusOr<std::string> PadSignature(const OpUse& use) {
  RETURN_IF_ERROR(ExpectInputs(use, 1));
  ASSIGN_OR_RETURN(const size_t dim, DimAttr(use));
  const Dims& dims = use.inputs[0].dims;
  const int64_t low = use.attrs.Int("low"), high = use.attrs.Int("high");
  if (low < 0 || high < 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("low and high must be at least 0, got ", low, " and ", high));
  }
  return absl::StrCat("x", AlongDim(dims.size(), dim, "c!"), " -> y",
                      AlongDim(dims.size(), dim, FreshTerm(dims[dim] + Dim(low) + Dim(high))));
}

}  // namespace

OpDef PadOp() {
  return OpDef("pad")
      .Doc("y = x with `low` elements of `value` before it and `high` after it along `dim`")
      .SignatureBy(PadSignature)
      .RequiredAttr(AttrSpec::kInt, "dim", "along which is padded")
      .Attr("low", int64_t{0}, "elements before")
      .Attr("high", int64_t{0}, "elements after")
      .Attr("value", 0.0, "of the new elements")
      .Gradient([](GradientContext& context) {
        return SetOnly(context, context.graph().Op("slice", {context.cotangent()},
                                                   {{"dim", context.attrs().Int("dim")},
                                                    {"start", context.attrs().Int("low")},
                                                    {"trim", context.attrs().Int("high")}}));
      });
}

}  // namespace tessera
