// MultiGateMixture: y_k[t] = sum over the experts e of g_k[t, e] * expert_e(x[t]) for every task k,
// g_k = softmax(x W_k).
//
// Every token visits every expert once, whatever the number of tasks; the experts are those of a
// mixture of experts whose gate chooses all of them, stacked and run as grouped products, and a
// task's mean is one `combine` with its own weights. One expert is a shared bottom without gates.
// Source: Ma et al., Modeling task relationships in multi-task learning with multi-gate
// mixture-of-experts, KDD 2018.

#include "absl/strings/str_cat.h"
#include "cpp/base/status_macros.h"
#include "cpp/moe/internal/routing.h"
#include "cpp/nn/module.h"
#include "gen/config/multi_gate_mixture.h"

namespace tessera {
namespace {

class MultiGateMixture : public Module {
 public:
  explicit MultiGateMixture(MultiGateMixtureConfig config) : config_(std::move(config)) {}

  // x[..., D] -> one value [..., O] for every task.
  absl::StatusOr<Values> Build(Scope& scope, const Values& inputs) const override {
    RETURN_IF_ERROR(scope.CheckInputs(inputs, {kAnyRank}));
    Graph& graph = scope.graph();
    const ValueId x = inputs[0];
    if (graph.dims(x).size() < 2) {
      return absl::InvalidArgumentError(
          absl::StrCat("input 0: expected rows x[..., D], got ", graph.type(x).ToText()));
    }
    const Values plan = PlanOfAll(graph, x);
    const ValueId rows = plan[0], slots = plan[1], owners = plan[2];
    const Values made = scope.CallGrouped("expert", {graph.Op("dispatch", {x, slots, rows})},
                                          owners, config_.num_experts, "experts");
    RETURN_IF_ERROR(graph.status());
    if (made.size() != 1) {
      return absl::InvalidArgumentError(
          absl::StrCat("slot 'expert': expected one result, got ", made.size()));
    }
    Values results;
    ValueId weights = kNoValue;
    for (int64_t k = 0; k < config_.num_tasks; ++k) {
      if (k == 0 || config_.gates == TaskGates::kPerTask) weights = Weights(scope, x, k);
      results.push_back(graph.Op("combine", {made[0], slots, rows, weights}));
    }
    return results;
  }

 private:
  Values PlanOfAll(Graph& graph, ValueId x) const {
    if (!graph.ok()) return Values(4, kNoValue);
    Dims dims = LeadingDims(graph, x);
    dims.push_back(Dim(config_.num_experts));
    const ValueId every = graph.Op(
        "arange", {}, {{"shape", absl::StrCat(config_.num_experts)}, {"dtype", "i32"}});
    const ValueId all = graph.Op("broadcast_to", {every}, {{"shape", ShapeText(dims)}});
    return graph.Ops("plan", {all}, {{"num_experts", config_.num_experts},
                                     {"rows_per_token", config_.num_experts}}, 4);
  }

  ValueId Weights(Scope& scope, ValueId x, int64_t task) const {
    Graph& graph = scope.graph();
    if (!graph.ok()) return kNoValue;
    if (config_.num_experts == 1) {
      Dims dims = LeadingDims(graph, x);
      dims.push_back(Dim(1));
      return graph.Constant(1, RouterDType(scope), dims);
    }
    const std::string path = config_.gates == TaskGates::kPerTask
                                 ? absl::StrCat("gates/", task, "/weight")
                                 : "gate/weight";
    return SoftmaxLast(graph,
                       RouterLogits(scope, x, path, config_.num_experts, config_.init_std));
  }

  MultiGateMixtureConfig config_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Module>> NewMultiGateMixtureModule(const ConfigNode& config) {
  ASSIGN_OR_RETURN(MultiGateMixtureConfig fields, ReadMultiGateMixtureConfig(config));
  return std::make_unique<MultiGateMixture>(std::move(fields));
}

}  // namespace tessera
