// TopKGate: logits l = x W (+ b); the k largest are chosen, ties by the lower expert.
//
// weights: softmax over the chosen logits (FastMoE's naive gate; Shazeer et al., arXiv 1701.06538,
// equation 3), or, before choosing, softmax over all of them or the logistic function of each, of
// which the chosen are taken (Qwen3-MoE and OLMoE without, Mixtral with `renormalize`).
// scores: softmax (or logistic function) over all.

#include "cpp/base/status_macros.h"
#include "cpp/moe/internal/routing.h"
#include "cpp/nn/module.h"
#include "gen/config/top_k_gate.h"

namespace tessera {
namespace {

class TopKGate : public Module {
 public:
  explicit TopKGate(TopKGateConfig config) : config_(std::move(config)) {}

  absl::StatusOr<Values> Build(Scope& scope, const Values& inputs) const override {
    RETURN_IF_ERROR(CheckGateInputs(scope, inputs));
    Graph& graph = scope.graph();
    Routing routing;
    routing.logits =
        RouterLogits(scope, inputs[0], "weight", config_.num_experts, config_.init_std);
    if (config_.bias) {
      const ValueId bias = scope.Param("bias", {Dim(config_.num_experts)},
                                       Initializer::Constant(0), {"router"}, /*decay=*/false);
      routing.logits = graph.Add(routing.logits, graph.Cast(bias, RouterDType(scope)));
    }
    routing.ids = ChooseLargest(graph, routing.logits, config_.top_k);
    if (config_.score == RouterScore::kSigmoid) {
      routing.scores = graph.Op("sigmoid", {routing.logits});
      routing.weights = Pick(graph, routing.scores, routing.ids);
    } else {
      routing.scores = SoftmaxLast(graph, routing.logits);
      routing.weights = config_.softmax_after
                            ? SoftmaxLast(graph, Pick(graph, routing.logits, routing.ids))
                            : Pick(graph, routing.scores, routing.ids);
    }
    return routing.ToValues();
  }

 private:
  TopKGateConfig config_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Module>> NewTopKGateModule(const ConfigNode& config) {
  ASSIGN_OR_RETURN(TopKGateConfig fields, ReadTopKGateConfig(config));
  return std::make_unique<TopKGate>(std::move(fields));
}

}  // namespace tessera
