// dtable[v] = sum of dy over the positions whose id is v, in position order; ids outside the table
// add nothing. Summed in fp32 (fp64 for f64) and rounded once, to `dtype`.
#include "cpp/ops/internal/elementwise.h"

namespace tessera {

OpDef EmbeddingGradOp() {
  return OpDef("embedding_grad")
      .Doc("dtable[v] = sum of dy where ids is v")
      .Signature("ids[...], dy[..., D] -> dtable[{rows}, D]")
      .InputDTypes("ids: i32|i64, dy: float")
      .RequiredAttr(AttrSpec::kInt, "rows", "rows of the table")
      .Attr("dtype", "f32", "of the result")
      .OutputDTypeAttr("dtype")
      .Linear({1});
}

}  // namespace tessera
