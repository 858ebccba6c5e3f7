// RmsNorm: y = x / sqrt(mean(x^2) + epsilon) * (scale + weight_offset) over the last dim (arXiv
// 1910.07467). The scale starts at 1 - weight_offset; without one, y is the normed x itself.

#include "cpp/base/status_macros.h"
#include "cpp/nn/module.h"
#include "cpp/nn/scope.h"
#include "gen/config/rms_norm.h"

namespace tessera {
namespace {

class RmsNorm : public Module {
 public:
  explicit RmsNorm(RmsNormConfig config) : config_(std::move(config)) {}

  absl::StatusOr<Values> Build(Scope& scope, const Values& inputs) const override {
    RETURN_IF_ERROR(scope.CheckInputs(inputs, {kAnyRank}));
    Graph& graph = scope.graph();
    if (!config_.scale) {
      const ValueId ones_D = graph.Constant(1, scope.dtype(), {config_.model_dim});
      return Values{graph.Op("rms_norm", {inputs[0], ones_D}, {{"epsilon", config_.epsilon}})};
    }
    const ValueId scale_D =
        scope.Param("scale", {config_.model_dim}, Initializer::Constant(1 - config_.weight_offset),
                    {"embed"}, /*decay=*/false);
    Attrs attrs = {{"epsilon", config_.epsilon}};
    if (config_.weight_offset != 0) attrs.Set("scale_offset", config_.weight_offset);
    return Values{graph.Op("rms_norm", {inputs[0], scale_D}, attrs)};
  }

 private:
  RmsNormConfig config_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Module>> NewRmsNormModule(const ConfigNode& config) {
  ASSIGN_OR_RETURN(RmsNormConfig fields, ReadRmsNormConfig(config));
  return std::make_unique<RmsNorm>(std::move(fields));
}

}  // namespace tessera
