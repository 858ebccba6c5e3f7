// kept = ids, with -1 in place of those that their expert has no room for.
//
// An expert takes the first C of the (token, slot) pairs that chose it, in the order of falling
// priority; equal priorities, and all pairs where none is given, stand in the order of token, then
// slot. NaN is the lowest priority. With N tokens of K slots in a group,
//   C = max(minimum, ceil(factor * N * K / num_experts)), or floor with round_down.
// The group is the whole operand, or each slice of its leading dim with per_sequence.
// Sources: GShard (arXiv 2006.16668), Switch Transformer (arXiv 2101.03961).
#include "absl/strings/str_cat.h"
#include "cpp/base/status_macros.h"
#include "cpp/ops/internal/elementwise.h"
#include "cpp/ops/internal/shape.h"

namespace tessera {
namespace {

// Dims of a group must be whole: who is dropped depends on all of them.
absl::StatusOr<std::string> DropSignature(const OpUse& use) {
  if (use.inputs.empty() || use.inputs[0].dims.size() < (use.attrs.Bool("per_sequence") ? 3 : 2)) {
    return absl::InvalidArgumentError(absl::StrCat(
        "expected ids[", use.attrs.Bool("per_sequence") ? "sequences, " : "", "tokens, K]"));
  }
  std::vector<std::string> whole, plain;
  for (size_t i = 0; i < use.inputs[0].dims.size(); ++i) {
    plain.push_back(absl::StrCat("a", i));
    whole.push_back(absl::StrCat("a", i, i == 0 && use.attrs.Bool("per_sequence") ? "" : "!"));
  }
  return absl::StrCat("ids", Terms(whole), ", priority?", Terms(whole), " -> kept", Terms(plain));
}

absl::Status CheckDrop(const OpUse& use) {
  if (use.attrs.Int("num_experts") < 1) {
    return absl::InvalidArgumentError(
        absl::StrCat("num_experts must be at least 1, got ", use.attrs.Int("num_experts")));
  }
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
      .SignatureBy(DropSignature)
      .InputDTypes("ids: i32, priority: float")
      .OutputDType(DType::kI32)
      .RequiredAttr(AttrSpec::kInt, "num_experts", "how many there are")
      .RequiredAttr(AttrSpec::kFloat, "factor", "room for this many times an even share")
      .Attr("minimum", int64_t{0}, "room that every expert has at least")
      .Attr("round_down", false, "the share is rounded down, not up")
      .Attr("per_sequence", false, "each slice of the leading dim is a group of its own")
      .Check(CheckDrop)
      .NoGradient();
}

}  // namespace tessera
