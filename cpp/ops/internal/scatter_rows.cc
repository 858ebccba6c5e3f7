#include "cpp/ops/internal/scatter_rows.h"

namespace tessera {

// Rows are laid end to end, and each row's indices moved to where the row starts. The starts are
// cut out of a count over all elements, since rows may have a symbolic length.
ValueId ScatterRows(GradientContext& context, ValueId indices, ValueId dy) {
  Graph& graph = context.graph();
  if (!graph.ok()) return kNoValue;
  const Dims x = context.input_type(0).dims;
  const Dim picked = graph.dims(indices).back();
  const Dim rows = Product(Dims(x.begin(), x.end() - 1));
  const Dim count = rows * x.back();
  ValueId starts = graph.Op("arange", {}, {{"shape", count.ToText()}, {"dtype", "i64"}});
  starts = graph.Reshape(starts, {rows, x.back()});
  starts = graph.Op("slice", {starts}, {{"dim", int64_t{1}}, {"size", int64_t{1}}});
  const ValueId local = graph.Reshape(graph.Cast(indices, DType::kI64), {rows, picked});
  const ValueId global = graph.Reshape(graph.Add(local, starts), {rows * picked});
  const ValueId flat_dy = graph.Reshape(dy, {rows * picked});
  const ValueId zeros = graph.Constant(0, graph.dtype(dy), {count});
  const ValueId flat = graph.Op("scatter_add", {zeros, global, flat_dy}, {{"dim", int64_t{0}}});
  return graph.Reshape(flat, x);
}

}  // namespace tessera
