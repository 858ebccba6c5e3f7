// GShardGate: p = softmax(x W); the two likeliest experts with weights g1 = p1 / (p1 + p2), g2.
//
// In training the second is kept with probability min(1, 2 g2): dropped when 2 g2 < u, u ~ U(0, 1);
// g1 stays as it is. Source: Lepikhin et al., arXiv 2006.16668, algorithm 1. Its loss is
// LoadBalance with first_choice, its capacity the mixture's with drop "choice".

#include "cpp/base/status_macros.h"
#include "cpp/moe/internal/routing.h"
#include "cpp/nn/module.h"
#include "gen/config/g_shard_gate.h"

namespace tessera {
namespace {

class GShardGate : public Module {
 public:
  explicit GShardGate(GShardGateConfig config) : config_(std::move(config)) {}

  absl::StatusOr<Values> Build(Scope& scope, const Values& inputs) const override {
    RETURN_IF_ERROR(CheckGateInputs(scope, inputs));
    Graph& graph = scope.graph();
    Routing routing;
    routing.logits =
        RouterLogits(scope, inputs[0], "weight", config_.num_experts, config_.init_std);
    routing.scores = SoftmaxLast(graph, routing.logits);
    routing.ids = ChooseLargest(graph, routing.logits, 2);
    routing.weights = Normalized(graph, Pick(graph, routing.scores, routing.ids), 0);
    if (config_.random_routing && scope.mode() == Mode::kTrain && graph.ok()) {
      routing.ids = WithoutUnlucky(scope, routing);
    }
    return routing.ToValues();
  }

 private:
  ValueId WithoutUnlucky(Scope& scope, const Routing& routing) const {
    Graph& graph = scope.graph();
    const Dims dims = graph.dims(routing.ids);
    const DType dtype = graph.dtype(routing.weights);
    const ValueId u = RandomLike(scope, "second", dims, dtype, 0, 1);
    const ValueId twice = graph.Add(routing.weights, routing.weights);
    const ValueId slot = graph.Op("arange", {}, {{"shape", "2"}, {"dtype", "i32"}});
    const ValueId is_second =
        graph.Op("greater", {slot, graph.Constant(0, DType::kI32)});
    const ValueId unlucky = graph.Op("logical_and", {graph.Op("less", {twice, u}), is_second});
    return graph.Op("where", {unlucky, graph.Constant(-1, DType::kI32), routing.ids});
  }

  GShardGateConfig config_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Module>> NewGShardGateModule(const ConfigNode& config) {
  ASSIGN_OR_RETURN(GShardGateConfig fields, ReadGShardGateConfig(config));
  return std::make_unique<GShardGate>(std::move(fields));
}

}  // namespace tessera
