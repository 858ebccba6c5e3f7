// ids = choices with those moved that their group of experts has no room for, so that all groups
// get the same number.
//
// Experts e of one group share floor(e / group_size). Of the P choices of N tokens in a group of
// tokens (-1 is none) a group of experts takes ceil(P / groups). Slot by slot of K, tokens in order
// first take what they chose while there is room; then those left over, in order, go to the first
// group with room, to its expert (slot mod group_size) or the next one there that the token does
// not have yet. Where all groups with room have only experts of the token, it keeps its choice, or
// the lowest expert it does not have.
//
// A group of tokens is the last two dims, so that choices[B, T, K] are shared out within each
// sequence. Source: SWIPE in BaGuaLu (Ma et al., PPoPP 2022) as fmoe/gates/swipe_gate.py has it,
// where a group is what a rank holds; there a token may end up with an expert twice, here not.
#include "absl/strings/str_cat.h"
#include "cpp/base/status_macros.h"
#include "cpp/ops/internal/checks.h"
#include "cpp/ops/internal/elementwise.h"

namespace tessera {
namespace {

absl::Status CheckSwipe(const OpUse& use) {
  RETURN_IF_ERROR(CheckExperts(use));
  const int64_t experts = use.attrs.Int("num_experts"), size = use.attrs.Int("group_size");
  if (size < 1 || experts % size != 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("group_size must divide num_experts, ", experts, ", got ", size));
  }
  const Dim& slots = use.inputs[0].dims.back();
  if (!slots.IsConst() || slots.value() <= experts) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("expected at most ", experts,
                                                 " choices of a token, one for each expert, got ",
                                                 use.inputs[0].ToText()));
}

}  // namespace

OpDef SwipeOp() {
  return OpDef("swipe")
      .Doc("ids = choices, moved where their group of experts has had its even share")
      .Signature("choices[..., N!, K!] -> ids[..., N, K]")
      .InputDTypes("choices: i32")
      .OutputDType(DType::kI32)
      .RequiredAttr(AttrSpec::kInt, "num_experts", "how many there are")
      .Attr("group_size", int64_t{1}, "experts of a group, which get an even share together")
      .Check(CheckSwipe)
      .NoGradient();
}

}  // namespace tessera
