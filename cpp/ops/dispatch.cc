// y[r] = x[t] for every row r of a plan (cpp/ops/plan.cc), where t is the token it came from; with
// weights, y[r] = weights[t, j] * x[t] for the slot j it came from. Rows of no slot are zero. Its
// gradient by x is combine, whose gradient is dispatch.
#include "absl/strings/str_cat.h"
#include "cpp/ops/internal/elementwise.h"

namespace tessera {
namespace {

absl::Status DispatchGradient(GradientContext& context) {
  Graph& graph = context.graph();
  std::vector<ValueId> plan = {context.cotangent(), context.input(1), context.input(2)};
  if (context.needs(0)) {
    std::vector<ValueId> operands = plan;
    if (context.input_count() > 3) operands.push_back(context.input(3));
    context.SetGradient(0, graph.Op("combine", operands));
  }
  if (context.input_count() > 3 && context.needs(3)) {
    const std::string dtype(Name(context.input_type(3).dtype));
    context.SetGradient(3, graph.Op("combine_dot", {context.input(0), plan[0], plan[1], plan[2]},
                                    {{"dtype", dtype}}));
  }
  return absl::OkStatus();
}

}  // namespace

OpDef DispatchOp() {
  return OpDef("dispatch")
      .Doc("y[r] = x[t] for every row r of a plan and the token t it came from, weighted if asked")
      .Signature("x[..., D], slots[..., R!], rows[..., K!], weights?[..., K!] -> y[..., R, D]")
      .InputDTypes("x: number, slots: i32, rows: i32, weights: float")
      .Check([](const OpUse& use) {
        if (use.inputs.size() < 4 || IsFloat(use.inputs[0].dtype)) return absl::OkStatus();
        return absl::InvalidArgumentError(
            absl::StrCat("weights are for floats, got x ", use.inputs[0].ToText()));
      })
      .Linear({0, 3})
      .Gradient(DispatchGradient);
}

}  // namespace tessera
