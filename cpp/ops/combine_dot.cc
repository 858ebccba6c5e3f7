// w[t, j] = <x[t], y[rows[t, j]]>, 0 for a slot without a row: what dispatch and combine give as
// gradient by their weights. Summed in fp32 (fp64 for f64) and rounded once, to `dtype`.
#include "absl/strings/str_cat.h"
#include "cpp/ops/internal/elementwise.h"

namespace tessera {
namespace {

absl::Status CombineDotGradient(GradientContext& context) {
  Graph& graph = context.graph();
  const ValueId slots = context.input(2), rows = context.input(3), dw = context.cotangent();
  if (context.needs(0)) {
    context.SetGradient(0, graph.Op("combine", {context.input(1), slots, rows, dw}));
  }
  if (context.needs(1)) {
    context.SetGradient(1, graph.Op("dispatch", {context.input(0), slots, rows, dw}));
  }
  return absl::OkStatus();
}

}  // namespace

OpDef CombineDotOp() {
  return OpDef("combine_dot")
      .Doc("w[t, j] = the product of x[t] and the row that slot j of token t has")
      .Signature("x[..., D], y[..., R!, D], slots[..., R!], rows[..., K!] -> w[..., K]")
      .InputDTypes("x: float, y: =x, slots: i32, rows: i32")
      .Attr("dtype", "f32", "of the result")
      .OutputDTypeAttr("dtype")
      .Linear({0, 1})
      .Gradient(CombineDotGradient)
      .Flops([](absl::Span<const std::vector<int64_t>> inputs,
                absl::Span<const std::vector<int64_t>> outputs, const Attrs&) {
        double flops = 2.0 * static_cast<double>(inputs[0].back());
        for (int64_t dim : outputs[0]) flops *= static_cast<double>(dim);
        return flops;
      });
}

}  // namespace tessera
