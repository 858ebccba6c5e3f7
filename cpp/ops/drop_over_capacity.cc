// kept = ids, with -1 in place of those that their expert has no room for.
//
// An expert takes the first C of the (token, slot) pairs that chose it, in the order of falling
// priority; equal priorities, and all pairs where none is given, stand in the order of token, then
// slot. NaN is the lowest priority. With N tokens of K slots in a group,
//   C = max(minimum, ceil(factor * N * K / num_experts)), or floor with round_down.
// A group is the last two dims, so that ids[B, T, K] are dropped within each sequence.
// Sources: GShard (arXiv 2006.16668), Switch Transformer (arXiv 2101.03961).
#include "absl/strings/str_cat.h"
#include "cpp/base/status_macros.h"
#include "cpp/ops/internal/checks.h"
#include "cpp/ops/internal/elementwise.h"

namespace tessera {
namespace {

absl::Status CheckDrop(const OpUse& use) {
  RETURN_IF_ERROR(CheckExperts(use));
  const double factor = use.attrs.Float("factor");
  if (!(factor > 0) || factor > 1e9) {
    return absl::InvalidArgumentError(
        absl::StrCat("factor must be above 0 and at most 1e9, got ", factor));
  }
  if (use.attrs.Int("minimum") >= 0) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("minimum must be at least 0, got ", use.attrs.Int("minimum")));
}

}  // namespace

OpDef DropOverCapacityOp() {
  return OpDef("drop_over_capacity")
      .Doc("kept = ids, -1 in place of those that their expert has no room for")
      .Signature("ids[..., N!, K!], priority?[..., N!, K!] -> kept[..., N, K]")
      .InputDTypes("ids: i32, priority: float")
      .OutputDType(DType::kI32)
      .RequiredAttr(AttrSpec::kInt, "num_experts", "how many there are")
      .RequiredAttr(AttrSpec::kFloat, "factor", "room for this many times an even share")
      .Attr("minimum", int64_t{0}, "room that every expert has at least")
      .Attr("round_down", false, "the share is rounded down, not up")
      .Check(CheckDrop)
      .NoGradient();
}

}  // namespace tessera
