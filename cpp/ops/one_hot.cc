// y[..., c] = 1 where ids = c, otherwise 0. An id outside [0, depth) gives zeros.
#include "cpp/ir/op_def.h"

namespace tessera {

OpDef OneHotOp() {
  return OpDef("one_hot")
      .Doc("y[..., c] = 1 where ids = c, otherwise 0")
      .Signature("ids[...] -> y[..., {depth}]")
      .InputDTypes("ids: i32|i64")
      .RequiredAttr(AttrSpec::kInt, "depth", "size of the new last dim")
      .Attr("dtype", "f32", "of the result")
      .OutputDTypeAttr("dtype")
      .NoGradient()
      .Grouped("unchanged");
}

}  // namespace tessera
