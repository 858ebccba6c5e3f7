// y = x repeated to have the dims `shape`: dims are matched from the right, 1 stretches.
#include "absl/strings/str_cat.h"
#include "cpp/base/status_macros.h"
#include "cpp/ops/internal/elementwise.h"
#include "cpp/ops/internal/shape.h"

namespace tessera {
namespace {

absl::StatusOr<std::string> BroadcastToSignature(const OpUse& use) {
  RETURN_IF_ERROR(ExpectInputs(use, 1));
  const Dims& from = use.inputs[0].dims;
  ASSIGN_OR_RETURN(const Dims to, ParseDims(use.attrs.Text("shape")));
  bool fits = from.size() <= to.size();
  const size_t extra = fits ? to.size() - from.size() : 0;
  for (size_t i = 0; i < from.size() && fits; ++i) {
    fits = from[i] == to[extra + i] || from[i] == Dim(1);
  }
  if (!fits) {
    return absl::InvalidArgumentError(absl::StrCat("shape expected dims that ",
                                                   use.inputs[0].ToText(),
                                                   " stretches to, got ", ToText(to)));
  }
  size_t same = 0;
  while (extra == 0 && same < from.size() && from[same] == to[same]) ++same;
  std::vector<std::string> in, out;
  if (extra == 0) in = out = {"..."};
  for (size_t i = 0; i < extra; ++i) out.push_back(FreshTerm(to[i]));
  for (size_t i = same; i < from.size(); ++i) {
    const bool stretched = from[i] != to[extra + i];
    in.push_back(stretched ? "1" : absl::StrCat("a", i));
    out.push_back(stretched ? FreshTerm(to[extra + i]) : absl::StrCat("a", i));
  }
  return absl::StrCat("x", Terms(in), " -> y", Terms(out));
}

}  // namespace

OpDef BroadcastToOp() {
  return OpDef("broadcast_to")
      .Doc("y = x repeated to the dims `shape`")
      .SignatureBy(BroadcastToSignature)
      .RequiredAttr(AttrSpec::kText, "shape", "dims of the result, such as \"B,T,512\"")
      .Linear({0})
      .Repeats()
      .Gradient([](GradientContext& context) {
        SetBroadcast(context, 0, context.cotangent());
        return absl::OkStatus();
      });
}

}  // namespace tessera
