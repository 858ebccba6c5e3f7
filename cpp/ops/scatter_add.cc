// y = base, with slices of updates added along a dim at the indices, in the order of the indices.
// Sums are kept in fp32 (fp64 for f64) and rounded once. An index outside adds nothing.
#include "absl/strings/str_cat.h"
#include "cpp/base/status_macros.h"
#include "cpp/ops/internal/elementwise.h"
#include "cpp/ops/internal/shape.h"

namespace tessera {
namespace {

absl::StatusOr<std::string> ScatterAddSignature(const OpUse& use) {
  RETURN_IF_ERROR(ExpectInputs(use, 3));
  ASSIGN_OR_RETURN(const size_t dim, DimAttr(use));
  std::vector<std::string> base, updates, indices;
  for (size_t i = 0; i < use.inputs[1].dims.size(); ++i) {
    indices.push_back(absl::StrCat("i", i, "!"));
  }
  for (size_t i = 0; i < use.inputs[0].dims.size(); ++i) {
    base.push_back(absl::StrCat("a", i, i == dim ? "!" : ""));
    if (i == dim) {
      updates.insert(updates.end(), indices.begin(), indices.end());
    } else {
      updates.push_back(base.back());
    }
  }
  std::vector<std::string> y = base;
  y[dim].pop_back();
  return absl::StrCat("base", Terms(base), ", indices", Terms(indices), ", updates",
                      Terms(updates), " -> y", Terms(y));
}

absl::Status ScatterAddGradient(GradientContext& context) {
  if (context.needs(0)) context.SetGradient(0, context.cotangent());
  if (context.needs(2)) {
    context.SetGradient(2, context.graph().Op("gather", {context.cotangent(), context.input(1)},
                                              context.attrs()));
  }
  return absl::OkStatus();
}

}  // namespace

OpDef ScatterAddOp() {
  return OpDef("scatter_add")
      .Doc("y = base with updates added along `dim` at the indices")
      .SignatureBy(ScatterAddSignature)
      .InputDTypes("base: number, indices: i32|i64, updates: =base")
      .RequiredAttr(AttrSpec::kInt, "dim", "of base, along which the indices count")
      .LinearTogether({0, 2})
      .Gradient(ScatterAddGradient);
}

}  // namespace tessera
