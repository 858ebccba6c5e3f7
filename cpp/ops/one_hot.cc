// y[..., c] = 1 where ids = c, otherwise 0. An id outside [0, depth) gives zeros.
#include "absl/strings/str_cat.h"
#include "cpp/ops/internal/elementwise.h"

namespace tessera {
namespace {

absl::Status CheckOneHot(const OpUse& use) {
  const int64_t depth = use.attrs.Int("depth");
  if (depth >= 0) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("depth must be at least 0, got ", depth));
}

}  // namespace

OpDef OneHotOp() {
  return OpDef("one_hot")
      .Doc("y[..., c] = 1 where ids = c, otherwise 0")
      .Signature("ids[...] -> y[..., {depth}]")
      .InputDTypes("ids: i32|i64")
      .RequiredAttr(AttrSpec::kInt, "depth", "size of the new last dim")
      .Attr("dtype", "f32", "of the result")
      .OutputDTypeAttr("dtype")
      .Check(CheckOneHot)
      .NoGradient()
      .Grouped("unchanged");
}

}  // namespace tessera
