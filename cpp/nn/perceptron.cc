// Perceptron: y = act(x W + b), W [model_dim, out_dim], b starting at 0.
//
// W starts as normal numbers of variance 2 / model_dim, which keeps the size of what relu passes on
// (He et al., arXiv 1502.01852), or of a variance that is given.

#include <cmath>

#include "cpp/base/status_macros.h"
#include "cpp/nn/activation.h"
#include "cpp/nn/module.h"
#include "cpp/nn/scope.h"
#include "gen/config/perceptron.h"

namespace tessera {
namespace {

class Perceptron : public Module {
 public:
  explicit Perceptron(PerceptronConfig config) : config_(std::move(config)) {}

  absl::StatusOr<Values> Build(Scope& scope, const Values& inputs) const override {
    RETURN_IF_ERROR(scope.CheckInputs(inputs, {kAnyRank}));
    Graph& graph = scope.graph();
    const double stddev = config_.init_std > 0
                              ? config_.init_std
                              : std::sqrt(2.0 / static_cast<double>(config_.model_dim));
    const ValueId weight_DO = scope.Param("weight", {Dim(config_.model_dim), Dim(config_.out_dim)},
                                          Initializer::Normal(stddev), {"embed", "mlp"});
    const ValueId bias_O = scope.Param("bias", {Dim(config_.out_dim)}, Initializer::Constant(0),
                                       {"mlp"}, /*decay=*/false);
    const ValueId product = graph.Add(graph.MatMul(inputs[0], weight_DO), bias_O);
    return Values{Activate(graph, config_.activation, product)};
  }

 private:
  PerceptronConfig config_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Module>> NewPerceptronModule(const ConfigNode& config) {
  ASSIGN_OR_RETURN(PerceptronConfig fields, ReadPerceptronConfig(config));
  return std::make_unique<Perceptron>(std::move(fields));
}

}  // namespace tessera
