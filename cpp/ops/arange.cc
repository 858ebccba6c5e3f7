// y[i] = start + i * step.
#include "absl/strings/str_cat.h"
#include "cpp/base/status_macros.h"
#include "cpp/ops/internal/elementwise.h"

namespace tessera {
namespace {

absl::Status CheckArange(const OpUse& use) {
  ASSIGN_OR_RETURN(const Dims dims, ParseDims(use.attrs.Text("shape")));
  if (dims.size() == 1) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("shape expected one dim, got ", ToText(dims)));
}

}  // namespace

OpDef ArangeOp() {
  return OpDef("arange")
      .Doc("y[i] = start + i * step")
      .Signature("-> y[{shape...}]")
      .RequiredAttr(AttrSpec::kText, "shape", "the one dim of the result, such as \"T\"")
      .Attr("start", 0.0, "the first value")
      .Attr("step", 1.0, "from one value to the next")
      .Attr("dtype", "i32", "of the result")
      .OutputDTypeAttr("dtype")
      .Check(CheckArange)
      .NoGradient();
}

}  // namespace tessera
