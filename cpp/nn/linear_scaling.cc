// LinearScaling: rotary frequencies divided by a factor, as if positions were closer together.
//
//   f_i = theta^(-2i / d) / factor
// Source: Chen et al. 2023, "Extending context window of large language models via positional
// interpolation", arXiv 2306.15595; "linear" in Hugging Face's modeling_rope_utils.

#include "cpp/base/status_macros.h"
#include "cpp/nn/module.h"
#include "cpp/nn/scope.h"
#include "gen/config/linear_scaling.h"

namespace tessera {
namespace {

class LinearScaling : public Module {
 public:
  explicit LinearScaling(LinearScalingConfig config) : config_(std::move(config)) {}

  absl::StatusOr<Values> Build(Scope& scope, const Values& inputs) const override {
    RETURN_IF_ERROR(scope.CheckInputs(inputs, {1, 0}));
    Graph& graph = scope.graph();
    return Values{graph.Div(inputs[0], graph.Constant(config_.factor, DType::kF64))};
  }

 private:
  LinearScalingConfig config_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Module>> NewLinearScalingModule(const ConfigNode& config) {
  ASSIGN_OR_RETURN(LinearScalingConfig fields, ReadLinearScalingConfig(config));
  return std::make_unique<LinearScaling>(std::move(fields));
}

}  // namespace tessera
