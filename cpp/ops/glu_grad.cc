// Gradients of glu: dgate = dy * up * act'(gate), dup = dy * act(gate).
#include "cpp/ops/internal/glu.h"

namespace tessera {

OpDef GluGradOp() {
  return OpDef("glu_grad")
      .Doc("dgate = dy * up * act'(gate), dup = dy * act(gate)")
      .Signature("gate[...], up[...], dy[...] -> dgate[...], dup[...]")
      .InputDTypes("gate: float, up: =gate, dy: =gate")
      .RequiredAttr(AttrSpec::kText, "activation", "as in glu")
      .Check(CheckGlu)
      .Linear({2})
      .InPlace({{0, 0}, {1, 1}})
      .Grouped("unchanged");
}

}  // namespace tessera
