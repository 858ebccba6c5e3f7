// LearnedPosition: x + weight[positions], a learned vector for every position (GPT-2).
//
// Only the hook "embed" does anything: attention sees positions through the residual stream alone.

#include "cpp/base/status_macros.h"
#include "cpp/nn/module.h"
#include "cpp/nn/scope.h"
#include "gen/config/learned_position.h"

namespace tessera {
namespace {

class LearnedPosition : public Module {
 public:
  explicit LearnedPosition(LearnedPositionConfig config) : config_(std::move(config)) {}

  bool HasHook(std::string_view hook) const override { return hook == "embed"; }

  absl::StatusOr<Values> Build(Scope& scope, const Values& inputs) const override {
    return BuildHook("embed", scope, inputs);
  }

  absl::StatusOr<Values> BuildHook(std::string_view hook, Scope& scope,
                                   const Values& inputs) const override {
    if (hook != "embed") return Module::BuildHook(hook, scope, inputs);
    RETURN_IF_ERROR(scope.CheckInputs(inputs, {3}));
    Graph& graph = scope.graph();
    const ValueId weight_PD =
        scope.Param("weight", {config_.max_positions, config_.model_dim},
                    Initializer::Normal(config_.init_std), {"position", "embed"});
    const ValueId rows_BTD = graph.Op("embedding", {scope.Ambient("positions"), weight_PD});
    return Values{graph.Add(inputs[0], rows_BTD)};
  }

 private:
  LearnedPositionConfig config_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Module>> NewLearnedPositionModule(const ConfigNode& config) {
  ASSIGN_OR_RETURN(LearnedPositionConfig fields, ReadLearnedPositionConfig(config));
  return std::make_unique<LearnedPosition>(std::move(fields));
}

}  // namespace tessera
