// y = the x of all ranks of a mesh axis, one after the other along a dim, in rank order.
#include "absl/strings/str_cat.h"
#include "cpp/base/status_macros.h"
#include "cpp/ops/collective.h"
#include "cpp/ops/internal/shape.h"

namespace tessera {
namespace {

absl::StatusOr<std::string> AllGatherSignature(const OpUse& use) {
  RETURN_IF_ERROR(ExpectInputs(use, 1));
  ASSIGN_OR_RETURN(const size_t dim, DimAttr(use));
  const int64_t ranks = use.attrs.Int("ranks");
  if (ranks < 1) {
    return absl::InvalidArgumentError(absl::StrCat("ranks must be at least 1, got ", ranks));
  }
  const Dims& dims = use.inputs[0].dims;
  return absl::StrCat("x", AlongDim(dims.size(), dim, "c!"), " -> y",
                      AlongDim(dims.size(), dim, FreshTerm(dims[dim] * Dim(ranks))));
}

}  // namespace

OpDef AllGatherOp() {
  return OpDef(kAllGather)
      .Doc("y = the x of all ranks of a mesh axis one after the other along `dim`")
      .SignatureBy(AllGatherSignature)
      .RequiredAttr(AttrSpec::kText, "axis", "of the mesh")
      .RequiredAttr(AttrSpec::kInt, "ranks", "size of the axis")
      .RequiredAttr(AttrSpec::kInt, "dim", "along which the parts are joined");
}

}  // namespace tessera
