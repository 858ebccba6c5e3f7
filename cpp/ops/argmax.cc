// y = the index of the largest element along a dim, the lowest of equal ones, as i32.
#include "absl/strings/str_cat.h"
#include "cpp/base/status_macros.h"
#include "cpp/ops/internal/shape.h"

namespace tessera {
namespace {

absl::StatusOr<std::string> ArgmaxSignature(const OpUse& use) {
  RETURN_IF_ERROR(ExpectInputs(use, 1));
  ASSIGN_OR_RETURN(const size_t dim, DimAttr(use));
  const size_t rank = use.inputs[0].dims.size();
  std::vector<std::string> y = {"..."};
  for (size_t i = dim + 1; i < rank; ++i) y.push_back(absl::StrCat("a", i));
  return absl::StrCat("x", AlongDim(rank, dim, "c!"), " -> y", Terms(y));
}

}  // namespace

OpDef ArgmaxOp() {
  return OpDef("argmax")
      .Doc("y = the index of the largest element along `dim`")
      .SignatureBy(ArgmaxSignature)
      .InputDTypes("x: number")
      .RequiredAttr(AttrSpec::kInt, "dim", "along which is searched; it is gone from the result")
      .OutputDType(DType::kI32)
      .NoGradient();
}

}  // namespace tessera
