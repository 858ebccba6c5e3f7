// out[t] = sum over the slots j of a token, in their order, of weights[t, j] * y[rows[t, j]]; slots
// without a row add nothing, and without weights each counts once. Summed in fp32 (fp64 for f64)
// and rounded once. `slots` and `rows` are those of a plan (cpp/ops/plan.cc).
#include "absl/strings/str_cat.h"
#include "cpp/ops/internal/elementwise.h"

namespace tessera {
namespace {

absl::Status CombineGradient(GradientContext& context) {
  Graph& graph = context.graph();
  std::vector<ValueId> plan = {context.cotangent(), context.input(1), context.input(2)};
  if (context.needs(0)) {
    std::vector<ValueId> operands = plan;
    if (context.input_count() > 3) operands.push_back(context.input(3));
    context.SetGradient(0, graph.Op("dispatch", operands));
  }
  if (context.input_count() > 3 && context.needs(3)) {
    const std::string dtype(Name(context.input_type(3).dtype));
    context.SetGradient(3, graph.Op("combine_dot", {plan[0], context.input(0), plan[1], plan[2]},
                                    {{"dtype", dtype}}));
  }
  return absl::OkStatus();
}

}  // namespace

OpDef CombineOp() {
  return OpDef("combine")
      .Doc("out[t] = sum over a token's slots of weight times the row that the slot has")
      .Signature("y[..., R!, D], slots[..., R!], rows[..., K!], weights?[..., K!] -> out[..., D]")
      .InputDTypes("y: float, slots: i32, rows: i32, weights: float")
      .Linear({0, 3})
      .Gradient(CombineGradient);
}

}  // namespace tessera
