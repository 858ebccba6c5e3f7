// y = the slices of x along a dim that the indices name: dims of y are x's before `dim`, those of
// the indices, then x's after it. An index outside gives zeros; nothing outside is read.
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "cpp/base/status_macros.h"
#include "cpp/ops/internal/elementwise.h"
#include "cpp/ops/internal/shape.h"

namespace tessera {
namespace {

absl::StatusOr<std::string> GatherSignature(const OpUse& use) {
  RETURN_IF_ERROR(ExpectInputs(use, 2));
  ASSIGN_OR_RETURN(const size_t dim, DimAttr(use));
  std::vector<std::string> x, y, indices;
  for (size_t i = 0; i < use.inputs[1].dims.size(); ++i) indices.push_back(absl::StrCat("i", i));
  for (size_t i = 0; i < use.inputs[0].dims.size(); ++i) {
    x.push_back(absl::StrCat("a", i, i == dim ? "!" : ""));
    if (i != dim) {
      y.push_back(x.back());
    } else if (dim == 0) {
      indices = {"..."};
      y = indices;
    } else {
      y.insert(y.end(), indices.begin(), indices.end());
    }
  }
  return absl::StrCat("x", Terms(x), ", indices", Terms(indices), " -> y", Terms(y));
}

absl::Status GatherGradient(GradientContext& context) {
  Graph& graph = context.graph();
  const DType dtype = context.gradient_dtype(0);
  const ValueId zeros = graph.Constant(0, dtype, Dims(context.input_type(0).dims));
  const ValueId dy = graph.Cast(context.cotangent(), dtype);
  return SetOnly(context, graph.Op("scatter_add", {zeros, context.input(1), dy},
                                   {{"dim", context.attrs().Int("dim")}}));
}

}  // namespace

OpDef GatherOp() {
  return OpDef("gather")
      .Doc("y = the slices of x along `dim` that the indices name; zeros for one outside")
      .SignatureBy(GatherSignature)
      .InputDTypes("indices: i32|i64")
      .RequiredAttr(AttrSpec::kInt, "dim", "of x, from which is taken")
      .Linear({0})
      .Gradient(GatherGradient);
}

}  // namespace tessera
