// LayerNorm: y = (x - mean) / sqrt(variance + epsilon) * scale + bias over the last dim
// (arXiv 1607.06450). The variance is that of the row, not its unbiased estimate.

#include "cpp/base/status_macros.h"
#include "cpp/nn/module.h"
#include "cpp/nn/scope.h"
#include "gen/config/layer_norm.h"

namespace tessera {
namespace {

class LayerNorm : public Module {
 public:
  explicit LayerNorm(LayerNormConfig config) : config_(std::move(config)) {}

  absl::StatusOr<Values> Build(Scope& scope, const Values& inputs) const override {
    RETURN_IF_ERROR(scope.CheckInputs(inputs, {kAnyRank}));
    const ValueId scale_D =
        config_.scale ? scope.Param("scale", {config_.model_dim}, Initializer::Constant(1),
                                    {"embed"}, /*decay=*/false)
                      : scope.graph().Constant(1, scope.dtype(), {config_.model_dim});
    Values operands = {inputs[0], scale_D};
    if (config_.bias) {
      operands.push_back(scope.Param("bias", {config_.model_dim}, Initializer::Constant(0),
                                     {"embed"}, false));
    }
    return Values{scope.graph().Op("layer_norm", operands, {{"epsilon", config_.epsilon}})};
  }

 private:
  LayerNormConfig config_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Module>> NewLayerNormModule(const ConfigNode& config) {
  ASSIGN_OR_RETURN(LayerNormConfig fields, ReadLayerNormConfig(config));
  return std::make_unique<LayerNorm>(std::move(fields));
}

}  // namespace tessera
