#include "cpp/ops/internal/reduction.h"

namespace tessera {

OpDef WithReductionAttrs(OpDef def) {
  return std::move(def)
      .RequiredAttr(AttrSpec::kInts, "dims", "that are reduced")
      .Attr("keep_dims", false, "keep reduced dims as 1");
}

ValueId KeepReduced(GradientContext& context, ValueId reduced) {
  Dims dims = context.input_type(0).dims;
  const DType dtype = context.input_type(0).dtype;
  for (int64_t dim : context.attrs().Ints("dims")) dims[dim] = 1;
  Graph& graph = context.graph();
  return graph.Reshape(graph.Cast(reduced, dtype), dims);
}

ValueId SpreadOverReduced(GradientContext& context, ValueId reduced) {
  const Dims dims = context.input_type(0).dims;
  Graph& graph = context.graph();
  const ValueId kept = KeepReduced(context, reduced);
  if (!graph.ok() || graph.dims(kept) == dims) return kept;
  return graph.Op("broadcast_to", {kept}, {{"shape", ToText(dims)}});
}

ValueId ShareAmongEqual(GradientContext& context) {
  Graph& graph = context.graph();
  const DType dtype = context.input_type(0).dtype;
  const ValueId y = KeepReduced(context, context.output());
  const ValueId dy = KeepReduced(context, context.cotangent());
  const ValueId equal = graph.Cast(graph.Op("equal", {context.input(0), y}), dtype);
  const ValueId count = graph.Sum(equal, context.attrs().Ints("dims"), /*keep_dims=*/true);
  return graph.Mul(equal, graph.Div(dy, count));
}

double ReductionFlops(absl::Span<const std::vector<int64_t>> input_dims,
                      absl::Span<const std::vector<int64_t>>, const Attrs&) {
  double flops = 1;
  for (int64_t dim : input_dims[0]) flops *= static_cast<double>(dim);
  return flops;
}

}  // namespace tessera
