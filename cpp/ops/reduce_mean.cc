// y = mean of x over the dims `dims`: the sum in fp32 (fp64 for f64) by the count, rounded once.
#include "cpp/ops/internal/elementwise.h"
#include "cpp/ops/internal/reduction.h"
#include "cpp/ops/internal/shape.h"

namespace tessera {
namespace {

// dx = dy / count. A count with symbols is the sum of as many ones.
absl::Status ReduceMeanGradient(GradientContext& context) {
  Graph& graph = context.graph();
  Dims reduced;
  for (int64_t dim : context.attrs().Ints("dims")) {
    reduced.push_back(context.input_type(0).dims[dim]);
  }
  const DType dtype = context.output_type().dtype;
  const DType wide = WideDType(context.input_type(0).dtype);
  const ValueId ones = graph.Constant(1, wide, {Product(reduced)});
  const ValueId count = graph.Sum(ones, {0});
  const ValueId dy = graph.Div(graph.Cast(context.cotangent(), wide), count);
  return SetOnly(context, SpreadOverReduced(context, graph.Cast(dy, dtype)));
}

}  // namespace

OpDef ReduceMeanOp() {
  return WithReductionAttrs(OpDef("reduce_mean"))
      .Doc("y = mean of x over `dims`")
      .SignatureBy(WholeReduceSignature)
      .InputDTypes("x: float")
      .Attr("dtype", "", "of the result; empty: that of x")
      .OutputDTypeAttr("dtype")
      .Gradient(ReduceMeanGradient)
      .Flops(ReductionFlops);
}

}  // namespace tessera
