// ParabolaNorm: y = scale * parabola(x / sqrt(mean(x^2))): a norm to try additions with.
#include "cpp/base/status_macros.h"
#include "cpp/nn/module.h"
#include "cpp/nn/scope.h"
#include "gen/config/parabola_norm.h"

namespace tessera {
namespace {

class ParabolaNorm : public Module {
 public:
  explicit ParabolaNorm(ParabolaNormConfig config) : config_(std::move(config)) {}

  absl::StatusOr<Values> Build(Scope& scope, const Values& inputs) const override {
    const ValueId scale_D = scope.Param("scale", {config_.model_dim}, Initializer::Constant(1),
                                        {"embed"}, /*decay=*/false);
    Graph& graph = scope.graph();
    const ValueId normal = graph.Op("rms_norm", {inputs[0], scale_D}, {{"epsilon", 1e-6}});
    return Values{graph.Add(graph.Op("parabola", {normal}), normal)};
  }

 private:
  ParabolaNormConfig config_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Module>> NewParabolaNormModule(const ConfigNode& config) {
  ASSIGN_OR_RETURN(ParabolaNormConfig fields, ReadParabolaNormConfig(config));
  return std::make_unique<ParabolaNorm>(std::move(fields));
}

}  // namespace tessera
