// y = the operands one after the other along a dim; all other dims are equal.
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "cpp/base/status_macros.h"
#include "cpp/ops/internal/elementwise.h"
#include "cpp/ops/internal/shape.h"

namespace tessera {
namespace {

absl::StatusOr<std::string> ConcatSignature(const OpUse& use) {
  if (use.inputs.empty()) return absl::InvalidArgumentError("expected operands, got none");
  ASSIGN_OR_RETURN(const size_t dim, DimAttr(use));
  const size_t rank = use.inputs[0].dims.size();
  Dim total;
  std::vector<std::string> operands;
  for (size_t i = 0; i < use.inputs.size(); ++i) {
    if (use.inputs[i].dims.size() != rank) {
      return absl::InvalidArgumentError(absl::StrCat("expected operands of rank ", rank, ", got ",
                                                     use.inputs[i].ToText()));
    }
    total = total + use.inputs[i].dims[dim];
    operands.push_back(absl::StrCat("x", i, AlongDim(rank, dim, absl::StrCat("c", i, "!"))));
  }
  return absl::StrCat(absl::StrJoin(operands, ", "), " -> y",
                      AlongDim(rank, dim, FreshTerm(total)));
}

absl::Status CheckConcat(const OpUse& use) {
  for (const ValueType& type : use.inputs) {
    if (type.dtype == use.inputs[0].dtype) continue;
    return absl::InvalidArgumentError(absl::StrCat("expected operands of one dtype, got ",
                                                   use.inputs[0].ToText(), " and ",
                                                   type.ToText()));
  }
  return absl::OkStatus();
}

// The part of dy that came from operand i: what is before and after it is cut off.
absl::Status ConcatGradient(GradientContext& context) {
  const int64_t dim = context.attrs().Int("dim");
  for (size_t i = 0; i < context.input_count(); ++i) {
    if (!context.needs(i)) continue;
    Dim before, after;
    for (size_t k = 0; k < context.input_count(); ++k) {
      Dim& side = k < i ? before : after;
      if (k != i) side = side + context.input_type(k).dims[dim];
    }
    if (!before.IsConst() || !after.IsConst()) {
      return absl::UnimplementedError(
          absl::StrCat("concat: the gradient of operand ", i, " needs constant sizes beside it, ",
                       "got ", before.ToText(), " before and ", after.ToText(), " after"));
    }
    context.SetGradient(i, context.graph().Op("slice", {context.cotangent()},
                                              {{"dim", dim},
                                               {"start", before.value()},
                                               {"trim", after.value()}}));
  }
  return absl::OkStatus();
}

}  // namespace

OpDef ConcatOp() {
  return OpDef("concat")
      .Doc("y = the operands one after the other along `dim`")
      .SignatureBy(ConcatSignature)
      .RequiredAttr(AttrSpec::kInt, "dim", "along which operands are joined")
      .Check(CheckConcat)
      .Gradient(ConcatGradient);
}

}  // namespace tessera
