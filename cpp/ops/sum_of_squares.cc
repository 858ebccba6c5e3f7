// y = sum of x^2 over all elements, as an f32 scalar (f64 for f64).
//
// Fixed tiles of 4096 elements are summed in fp64, then the tiles in order: the sum follows from
// the dims, not from threads. Gradient norms are made of it.
#include "cpp/ops/internal/elementwise.h"
#include "cpp/ops/internal/reduction.h"

namespace tessera {

OpDef SumOfSquaresOp() {
  return OpDef("sum_of_squares")
      .Doc("y = sum of x^2 over all elements")
      .Signature("x[...] -> y[]")
      .InputDTypes("x: float")
      .OutputDTypes([](const OpUse& use) -> absl::StatusOr<std::vector<DType>> {
        return std::vector<DType>{WideDType(use.inputs[0].dtype)};
      })
      .Gradient([](GradientContext& context) {
        Graph& graph = context.graph();
        const ValueId x = context.input(0);
        const ValueId two = Scalar(graph, 2, context.cotangent());
        const ValueId factor = graph.Mul(context.cotangent(), two);
        return SetOnly(context, graph.Mul(x, graph.Cast(factor, graph.dtype(x))));
      })
      .Flops([](absl::Span<const std::vector<int64_t>> inputs,
                absl::Span<const std::vector<int64_t>> outputs, const Attrs& attrs) {
        return 2 * ReductionFlops(inputs, outputs, attrs);
      });
}

}  // namespace tessera
