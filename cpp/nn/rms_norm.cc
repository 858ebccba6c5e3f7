// RmsNorm: y = x / sqrt(mean(x^2) + epsilon) * scale over the last dim (arXiv 1910.07467).

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
    const ValueId scale_D = scope.Param("scale", {config_.model_dim}, Initializer::Constant(1),
                                        {"embed"}, /*decay=*/false);
    return Values{
        scope.graph().Op("rms_norm", {inputs[0], scale_D}, {{"epsilon", config_.epsilon}})};
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
