// ids = the expert of every token in an assignment that gives each expert at most ceil(N / E) of
// the N tokens of a group and has nearly the largest sum of scores: by auction, within `precision`
// times the range of the scores for each token on average.
//
// A group is the last two dims, so that scores[B, T, E] are shared out within each sequence. NaN
// counts as the lowest score. Sources: Bertsekas, "Auction algorithms for network flow problems",
// 1992; Lewis et al., BASE layers, arXiv 2103.16716.
#include "absl/strings/str_cat.h"
#include "cpp/ops/internal/elementwise.h"

namespace tessera {
namespace {

absl::Status CheckAssignment(const OpUse& use) {
  const double precision = use.attrs.Float("precision");
  if (!(precision > 0 && precision <= 1)) {
    return absl::InvalidArgumentError(
        absl::StrCat("precision must be above 0 and at most 1, got ", precision));
  }
  if (use.inputs[0].dims.back().IsConst() && use.inputs[0].dims.back().value() >= 1) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(absl::StrCat("expected a constant number of experts, got ",
                                                 use.inputs[0].ToText()));
}

}  // namespace

OpDef BalancedAssignmentOp() {
  return OpDef("balanced_assignment")
      .Doc("ids = the expert of every token, each expert getting an even share")
      .Signature("scores[..., N!, E!] -> ids[..., N, 1]")
      .InputDTypes("scores: float")
      .OutputDType(DType::kI32)
      .Attr("precision", 0.01, "how much a token may lose, in ranges of the scores")
      .Check(CheckAssignment)
      .NoGradient();
}

}  // namespace tessera
