// y = product of x over the dims `dims`, in fp32 (fp64 for f64), rounded once.
//
// The gradient is the product of the other elements: y / x where no element is 0; where one is,
// only that one has a gradient, the product of the rest.
#include "cpp/ops/internal/elementwise.h"
#include "cpp/ops/internal/reduction.h"
#include "cpp/ops/internal/shape.h"

namespace tessera {
namespace {

absl::Status ReduceProdGradient(GradientContext& context) {
  Graph& graph = context.graph();
  const ValueId x = context.input(0);
  const std::vector<int64_t> dims = context.attrs().Ints("dims");
  const ValueId zero = Scalar(graph, 0, x);
  const ValueId one = Scalar(graph, 1, x);
  const ValueId is_zero = graph.Op("equal", {x, zero});
  const ValueId zeros = graph.Sum(graph.Cast(is_zero, graph.dtype(x)), dims, /*keep_dims=*/true);
  const ValueId safe = graph.Op("where", {is_zero, one, x});
  const ValueId rest = graph.Op("reduce_prod", {safe}, {{"dims", dims}, {"keep_dims", true}});
  const ValueId at_zero = graph.Op("where", {graph.Op("equal", {zeros, one}), rest, zero});
  const ValueId quotient = graph.Div(rest, safe);
  const ValueId elsewhere = graph.Op("where", {graph.Op("equal", {zeros, zero}), quotient, zero});
  const ValueId slope = graph.Op("where", {is_zero, at_zero, elsewhere});
  return SetOnly(context, graph.Mul(KeepReduced(context, context.cotangent()), slope));
}

}  // namespace

OpDef ReduceProdOp() {
  return WithReductionAttrs(OpDef("reduce_prod"))
      .Doc("y = product of x over `dims`")
      .SignatureBy(WholeReduceSignature)
      .InputDTypes("x: number")
      .Gradient(ReduceProdGradient)
      .Flops(ReductionFlops);
}

}  // namespace tessera
