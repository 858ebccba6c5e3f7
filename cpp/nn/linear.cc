// Linear: y = x weight + bias, with weight [in_dim, out_dim], or [out_dim, in_dim] when transposed.
//
// What modules project with: they hold it in slots of the role "linear" and dictate its dims, so
// that an adapter or another product can stand in its place. Weights start as normal(0, init_std),
// biases as 0. Without a bias, the hook "weight" gives what x is multiplied by, [in_dim, out_dim],
// to those who want to multiply in another order.

#include "cpp/base/status_macros.h"
#include "cpp/nn/module.h"
#include "cpp/nn/scope.h"
#include "gen/config/linear.h"

namespace tessera {
namespace {

class Linear : public Module {
 public:
  explicit Linear(LinearConfig config) : config_(std::move(config)) {}

  bool HasHook(std::string_view hook) const override { return hook == "weight" && !config_.bias; }

  absl::StatusOr<Values> BuildHook(std::string_view hook, Scope& scope,
                                   const Values& inputs) const override {
    if (!HasHook(hook)) return Module::BuildHook(hook, scope, inputs);
    RETURN_IF_ERROR(scope.CheckInputs(inputs, {}));
    const ValueId weight = Weight(scope);
    return Values{config_.transposed ? scope.graph().Transpose(weight, {1, 0}) : weight};
  }

  absl::StatusOr<Values> Build(Scope& scope, const Values& inputs) const override {
    RETURN_IF_ERROR(scope.CheckInputs(inputs, {kAnyRank}));
    Graph& graph = scope.graph();
    const ValueId y = graph.MatMul(inputs[0], Weight(scope), false, config_.transposed);
    if (!config_.bias) return Values{y};
    std::vector<std::string> names;
    if (IsNamed()) names = {config_.out_name};
    const ValueId bias_O = scope.Param("bias", {config_.out_dim}, Initializer::Constant(0), names,
                                       /*decay=*/false);
    return Values{graph.Add(y, bias_O)};
  }

 private:
  bool IsNamed() const { return !config_.in_name.empty() || !config_.out_name.empty(); }

  ValueId Weight(Scope& scope) const {
    Dims dims = {config_.in_dim, config_.out_dim};
    std::vector<std::string> names;
    if (IsNamed()) names = {config_.in_name, config_.out_name};
    if (config_.transposed) {
      std::swap(dims[0], dims[1]);
      if (IsNamed()) std::swap(names[0], names[1]);
    }
    return scope.Param("weight", dims, Initializer::Normal(config_.init_std), names);
  }

  LinearConfig config_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Module>> NewLinearModule(const ConfigNode& config) {
  ASSIGN_OR_RETURN(LinearConfig fields, ReadLinearConfig(config));
  return std::make_unique<Linear>(std::move(fields));
}

}  // namespace tessera
