// y = x[start], x[start + step], ... along a dim: `size` elements, or all but the last `trim`.
#include "absl/strings/str_cat.h"
#include "cpp/base/status_macros.h"
#include "cpp/ops/internal/elementwise.h"
#include "cpp/ops/internal/shape.h"

namespace tessera {
namespace {

absl::StatusOr<std::string> SliceSignature(const OpUse& use) {
  RETURN_IF_ERROR(ExpectInputs(use, 1));
  ASSIGN_OR_RETURN(const size_t dim, DimAttr(use));
  const Dims& dims = use.inputs[0].dims;
  const int64_t start = use.attrs.Int("start"), size = use.attrs.Int("size");
  const int64_t step = use.attrs.Int("step"), trim = use.attrs.Int("trim");
  if (start < 0 || step < 1 || size < -1 || trim < 0) {
    return absl::InvalidArgumentError(absl::StrCat(
        "expected start >= 0, size >= -1, step >= 1 and trim >= 0, got start ", start, ", size ",
        size, ", step ", step, ", trim ", trim));
  }
  const Dim span = dims[dim] - Dim(start) - Dim(trim);
  const Dim count = size >= 0 ? Dim(size) : Dim::CeilDiv(span, step);
  // Divided rather than multiplied, for the attributes may be anything.
  if (dims[dim].IsConst() && size > 0 &&
      (start >= dims[dim].value() || size - 1 > (dims[dim].value() - 1 - start) / step)) {
    return absl::InvalidArgumentError(absl::StrCat(
        "dim ", dim, " of ", use.inputs[0].ToText(), " expected to reach index ", start,
        size == 1 ? "" : absl::StrCat(" + ", size - 1, " * ", step)));
  }
  return absl::StrCat("x", AlongDim(dims.size(), dim, "c!"), " -> y",
                      AlongDim(dims.size(), dim, FreshTerm(count)));
}

// Steps of 1 are undone by zeros on both sides, others by adding into zeros.
absl::Status SliceGradient(GradientContext& context) {
  Graph& graph = context.graph();
  const ValueType x = context.input_type(0);
  const int64_t dim = context.attrs().Int("dim"), start = context.attrs().Int("start");
  const int64_t step = context.attrs().Int("step");
  const Dim count = context.output_type().dims[dim];
  const Dim after = x.dims[dim] - Dim(start) - count;
  if (step == 1 && after.IsConst()) {
    return SetOnly(context, graph.Op("pad", {context.cotangent()},
                                     {{"dim", dim}, {"low", start}, {"high", after.value()}}));
  }
  const ValueId zeros = graph.Constant(0, context.gradient_dtype(0), x.dims);
  const ValueId indices = graph.Op("arange", {},
                                   {{"shape", count.ToText()},
                                    {"start", static_cast<double>(start)},
                                    {"step", static_cast<double>(step)}});
  const ValueId dy = graph.Cast(context.cotangent(), context.gradient_dtype(0));
  return SetOnly(context, graph.Op("scatter_add", {zeros, indices, dy}, {{"dim", dim}}));
}

}  // namespace

OpDef SliceOp() {
  return OpDef("slice")
      .Doc("y = x[start : : step] along `dim`: `size` elements, or all but the last `trim`")
      .SignatureBy(SliceSignature)
      .RequiredAttr(AttrSpec::kInt, "dim", "along which is cut")
      .Attr("start", int64_t{0}, "the first element taken")
      .Attr("size", int64_t{-1}, "how many are taken; -1: up to the last that `trim` leaves")
      .Attr("step", int64_t{1}, "from one element to the next")
      .Attr("trim", int64_t{0}, "elements left out at the end, when size is -1")
      .Linear({0})
      .Gradient(SliceGradient);
}

}  // namespace tessera
