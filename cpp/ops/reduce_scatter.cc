// y = this rank's part, along a dim, of x summed over the ranks of a mesh axis. Parts are of equal
// size: ceil(size / ranks), so a size that the ranks do not divide is refused where it is known.
#include "absl/strings/str_cat.h"
#include "cpp/base/status_macros.h"
#include "cpp/ops/collective.h"
#include "cpp/ops/internal/shape.h"

namespace tessera {
namespace {

absl::StatusOr<std::string> ReduceScatterSignature(const OpUse& use) {
  RETURN_IF_ERROR(ExpectInputs(use, 1));
  ASSIGN_OR_RETURN(const size_t dim, DimAttr(use));
  const int64_t ranks = use.attrs.Int("ranks");
  const Dims& dims = use.inputs[0].dims;
  if (ranks < 1 || (dims[dim].IsConst() && dims[dim].value() % ranks != 0)) {
    return absl::InvalidArgumentError(absl::StrCat("ranks must divide dim ", dim, " of ",
                                                   use.inputs[0].ToText(), ", got ", ranks));
  }
  return absl::StrCat("x", AlongDim(dims.size(), dim, "c!"), " -> y",
                      AlongDim(dims.size(), dim, FreshTerm(Dim::CeilDiv(dims[dim], ranks))));
}

}  // namespace

OpDef ReduceScatterOp() {
  return OpDef(kReduceScatter)
      .Doc("y = this rank's part along `dim` of x summed over the ranks of a mesh axis")
      .SignatureBy(ReduceScatterSignature)
      .InputDTypes("x: number")
      .RequiredAttr(AttrSpec::kText, "axis", "of the mesh")
      .RequiredAttr(AttrSpec::kInt, "ranks", "size of the axis")
      .RequiredAttr(AttrSpec::kInt, "dim", "along which the sum is divided");
}

}  // namespace tessera
