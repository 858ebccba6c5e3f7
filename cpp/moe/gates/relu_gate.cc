// ReluGate: weights r = relu(x W); a token visits every expert whose weight is above 0.
//
// How many that are is regulated by a loss on their sum, lambda / (E N) * sum of r, whose factor
// follows the sparsity S = share of zeros:
//   lambda *= step^sign((1 - k / E) - S) after each step
// Source: Wang et al., ReMoE, arXiv 2412.14711, sections 3.2 and 3.3; the load-weighted form of the
// loss there is not taken. lambda is a buffer; rows are planned for all experts of every token.

#include "absl/strings/str_cat.h"
#include "cpp/base/status_macros.h"
#include "cpp/moe/internal/routing.h"
#include "cpp/nn/module.h"
#include "gen/config/relu_gate.h"

#include <cmath>

namespace tessera {
namespace {

class ReluGate : public Module {
 public:
  explicit ReluGate(ReluGateConfig config) : config_(std::move(config)) {}

  absl::StatusOr<Values> Build(Scope& scope, const Values& inputs) const override {
    RETURN_IF_ERROR(CheckGateInputs(scope, inputs));
    Graph& graph = scope.graph();
    const int64_t experts = config_.num_experts;
    const DType dtype = RouterDType(scope);
    Routing routing;
    routing.logits = RouterLogits(scope, inputs[0], "weight", experts, config_.init_std);
    routing.weights = graph.Op("relu", {routing.logits});
    RETURN_IF_ERROR(graph.status());
    const ValueId every =
        graph.Op("arange", {}, {{"shape", absl::StrCat(experts)}, {"dtype", "i32"}});
    const ValueId all = graph.Op("broadcast_to", {every},
                                 {{"shape", ShapeText(graph.dims(routing.logits))}});
    const ValueId is_on = graph.Op("greater", {routing.weights, graph.Constant(0, dtype)});
    routing.ids = graph.Op("where", {is_on, all, graph.Constant(-1, DType::kI32)});
    routing.scores = Normalized(graph, routing.weights, 1e-20);
    const ValueId factor =
        scope.Buffer("factor", {dtype, {Dim(1)}}, Initializer::Constant(config_.first_factor));
    if (scope.mode() == Mode::kTrain) {
      Regulate(scope, routing.weights, is_on, factor, MaskOf(inputs));
    }
    return routing.ToValues();
  }

 private:
  void Regulate(Scope& scope, ValueId weights, ValueId is_on, ValueId factor,
                ValueId mask) const {
    Graph& graph = scope.graph();
    const DType dtype = graph.dtype(weights);
    const double experts = static_cast<double>(config_.num_experts);
    const ValueId sum = graph.Sum(SumOverTokens(graph, weights, mask), {0});
    const ValueId tokens = TokenCount(graph, weights, dtype, mask);
    scope.AddLoss("sparsity", graph.Mul(sum, graph.Sum(factor, {0})),
                  graph.Mul(tokens, graph.Constant(experts, dtype)));
    // Chosen beyond what is wanted: above 0 where S is below 1 - k / E, and then the factor rises.
    const ValueId chosen =
        graph.Sum(SumOverTokens(graph, graph.Cast(is_on, dtype), mask), {0}, true);
    const ValueId wanted =
        graph.Mul(tokens, graph.Constant(static_cast<double>(config_.top_k), dtype));
    const ValueId over = graph.Sub(chosen, graph.Reshape(wanted, {Dim(1)}));
    if (!graph.ok()) return;
    const double log_step = std::log(config_.factor_step);
    scope.UpdateBuffer("factor", over, [log_step](Graph& g, ValueId old, ValueId total) {
      const ValueId step = g.Constant(log_step, g.dtype(total));
      return g.Mul(old, g.Op("exp", {g.Mul(g.Op("sign", {total}), step)}));
    });
  }

  ReluGateConfig config_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Module>> NewReluGateModule(const ConfigNode& config) {
  ASSIGN_OR_RETURN(ReluGateConfig fields, ReadReluGateConfig(config));
  return std::make_unique<ReluGate>(std::move(fields));
}

}  // namespace tessera
