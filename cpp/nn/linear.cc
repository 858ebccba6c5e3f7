// Linear: y = x weight + bias, with weight [in_dim, out_dim], or [out_dim, in_dim] when transposed.
//
// What modules project with: they hold it in slots of the role "linear" and dictate its dims, so
// that an adapter or another product can stand in its place. Weights start as normal(0, init_std),
// biases as 0.

#include "cpp/base/status_macros.h"
#include "cpp/nn/module.h"
#include "cpp/nn/scope.h"
#include "gen/config/linear.h"

namespace tessera {
namespace {

class Linear : public Module {
 public:
  explicit Linear(LinearConfig config) : config_(std::move(config)) {}

  absl::StatusOr<Values> Build(Scope& scope, const Values& inputs) const override {
    RETURN_IF_ERROR(scope.CheckInputs(inputs, {kAnyRank}));
    Graph& graph = scope.graph();
    const Initializer init = Initializer::Normal(config_.init_std);
    const bool is_named = !config_.in_name.empty() || !config_.out_name.empty();
    Dims dims = {config_.in_dim, config_.out_dim};
    std::vector<std::string> names;
    if (is_named) names = {config_.in_name, config_.out_name};
    if (config_.transposed) {
      std::swap(dims[0], dims[1]);
      if (is_named) std::swap(names[0], names[1]);
    }
    const ValueId weight = scope.Param("weight", dims, init, names);
    const ValueId y = graph.MatMul(inputs[0], weight, false, config_.transposed);
    if (!config_.bias) return Values{y};
    if (is_named) names = {config_.out_name};
    const ValueId bias_O = scope.Param("bias", {config_.out_dim}, Initializer::Constant(0), names,
                                       /*decay=*/false);
    return Values{graph.Add(y, bias_O)};
  }

 private:
  LinearConfig config_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Module>> NewLinearModule(const ConfigNode& config) {
  ASSIGN_OR_RETURN(LinearConfig fields, ReadLinearConfig(config));
  return std::make_unique<Linear>(std::move(fields));
}

}  // namespace tessera
