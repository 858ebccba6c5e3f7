// out = y where x is true, otherwise z; all three broadcast. No gradient flows to x.
#include "cpp/ops/internal/elementwise.h"

namespace tessera {

OpDef WhereOp() {
  return OpDef("where")
      .Doc("out = y where x is true, otherwise z")
      .Elementwise(3)
      .InputDTypes("x: bool, z: =y")
      .OutputDTypes([](const OpUse& use) -> absl::StatusOr<std::vector<DType>> {
        return std::vector<DType>{use.inputs[1].dtype};
      })
      .LinearTogether({1, 2})
      .InPlace({{0, 1}, {0, 2}})
      .Gradient([](GradientContext& context) {
        Graph& graph = context.graph();
        const ValueId dy = context.cotangent();
        const ValueId zero = Scalar(graph, 0, dy);
        if (context.needs(1)) {
          SetBroadcast(context, 1, graph.Op("where", {context.input(0), dy, zero}));
        }
        if (context.needs(2)) {
          SetBroadcast(context, 2, graph.Op("where", {context.input(0), zero, dy}));
        }
        return absl::OkStatus();
      });
}

}  // namespace tessera
