// y = x summed, or its maximum, over the ranks of a mesh axis; every rank has the whole of it.
#include "cpp/ops/collective.h"
#include "cpp/ops/internal/checks.h"

namespace tessera {

OpDef AllReduceOp() {
  return OpDef(kAllReduce)
      .Doc("y = x summed (or the maximum) over the ranks of a mesh axis")
      .Signature("x[...] -> y[...]")
      .InputDTypes("x: number")
      .RequiredAttr(AttrSpec::kText, "axis", "of the mesh")
      .Attr("reduce", "sum", "sum or max")
      .Check([](const OpUse& use) { return CheckChoice(use.attrs, "reduce", {"sum", "max"}); })
      .InPlace({{0, 0}});
}

}  // namespace tessera
