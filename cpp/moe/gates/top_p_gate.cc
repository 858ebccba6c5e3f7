// TopPGate: p = softmax(x W); experts in the order of falling p until their sum reaches
// `probability`, weights p (or p over their sum).
//
// An expert is chosen when those before it have not reached it yet, so that there is always one.
// Source: Huang et al., arXiv 2403.07652. Rows are planned for `most` experts of every token.

#include "cpp/base/status_macros.h"
#include "cpp/moe/internal/routing.h"
#include "cpp/nn/module.h"
#include "gen/config/top_p_gate.h"

#include <algorithm>

namespace tessera {
namespace {

class TopPGate : public Module {
 public:
  explicit TopPGate(TopPGateConfig config) : config_(std::move(config)) {}

  absl::StatusOr<Values> Build(Scope& scope, const Values& inputs) const override {
    RETURN_IF_ERROR(CheckGateInputs(scope, inputs));
    Graph& graph = scope.graph();
    const int64_t most =
        config_.most == 0 ? config_.num_experts : std::min(config_.most, config_.num_experts);
    Routing routing;
    routing.logits =
        RouterLogits(scope, inputs[0], "weight", config_.num_experts, config_.init_std);
    routing.scores = SoftmaxLast(graph, routing.logits);
    const ValueId order = ChooseLargest(graph, routing.logits, most);
    const ValueId p = Pick(graph, routing.scores, order);
    RETURN_IF_ERROR(graph.status());
    const DType dtype = graph.dtype(p);
    const ValueId before = graph.Op(
        "cumsum", {p}, {{"dim", static_cast<int64_t>(graph.dims(p).size()) - 1},
                        {"exclusive", true}});
    const ValueId is_chosen =
        graph.Op("less", {before, graph.Constant(config_.probability, dtype)});
    routing.ids = graph.Op("where", {is_chosen, order, graph.Constant(-1, DType::kI32)});
    routing.weights = graph.Mul(p, graph.Cast(is_chosen, dtype));
    if (config_.normalize) routing.weights = Normalized(graph, routing.weights, 0);
    return routing.ToValues();
  }

 private:
  TopPGateConfig config_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Module>> NewTopPGateModule(const ConfigNode& config) {
  ASSIGN_OR_RETURN(TopPGateConfig fields, ReadTopPGateConfig(config));
  return std::make_unique<TopPGate>(std::move(fields));
}

}  // namespace tessera
