// y = x with its dims in another order: dim i of y is dim perm[i] of x.
#include "absl/strings/str_cat.h"
#include "cpp/base/status_macros.h"
#include "cpp/ops/internal/elementwise.h"
#include "cpp/ops/internal/shape.h"

namespace tessera {
namespace {

absl::StatusOr<std::string> TransposeSignature(const OpUse& use) {
  RETURN_IF_ERROR(ExpectInputs(use, 1));
  const std::vector<int64_t> perm = use.attrs.Ints("perm");
  const size_t rank = use.inputs[0].dims.size();
  std::vector<bool> seen(rank, false);
  bool valid = perm.size() == rank;
  for (size_t i = 0; i < perm.size() && valid; ++i) {
    valid = perm[i] >= 0 && static_cast<size_t>(perm[i]) < rank && !seen[perm[i]];
    if (valid) seen[perm[i]] = true;
  }
  if (!valid) {
    return absl::InvalidArgumentError(
        absl::StrCat("perm expected an order of the dims of ", use.inputs[0].ToText(), ", got ",
                     ToText(AttrValue(perm))));
  }
  size_t same = 0;
  while (same < rank && perm[same] == static_cast<int64_t>(same)) ++same;
  std::vector<std::string> in = {"..."}, out = {"..."};
  for (size_t i = same; i < rank; ++i) {
    in.push_back(absl::StrCat("a", i));
    out.push_back(absl::StrCat("a", perm[i]));
  }
  return absl::StrCat("x", Terms(in), " -> y", Terms(out));
}

absl::Status TransposeGradient(GradientContext& context) {
  const std::vector<int64_t> perm = context.attrs().Ints("perm");
  std::vector<int64_t> inverse(perm.size());
  for (size_t i = 0; i < perm.size(); ++i) inverse[perm[i]] = static_cast<int64_t>(i);
  return SetOnly(context, context.graph().Transpose(context.cotangent(), std::move(inverse)));
}

}  // namespace

OpDef TransposeOp() {
  return OpDef("transpose")
      .Doc("y = x with dim i taken from dim perm[i]")
      .SignatureBy(TransposeSignature)
      .RequiredAttr(AttrSpec::kInts, "perm", "the dim of x that each dim of y is")
      .Linear({0})
      .Gradient(TransposeGradient);
}

}  // namespace tessera
