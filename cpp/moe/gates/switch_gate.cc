// SwitchGate: p = softmax((x * U(1 - jitter, 1 + jitter)) W); one expert, the likeliest, weight p.
//
// Source: Fedus et al., arXiv 2101.03961, section 2.2 and appendix F; jitter in training only. Its
// loss is LoadBalance, its capacity the mixture's. With `fastmoe` the random numbers are added to
// the logits, as fmoe/gates/switch_gate.py does.

#include "cpp/base/status_macros.h"
#include "cpp/moe/internal/routing.h"
#include "cpp/nn/module.h"
#include "gen/config/switch_gate.h"

namespace tessera {
namespace {

class SwitchGate : public Module {
 public:
  explicit SwitchGate(SwitchGateConfig config) : config_(std::move(config)) {}

  absl::StatusOr<Values> Build(Scope& scope, const Values& inputs) const override {
    RETURN_IF_ERROR(CheckGateInputs(scope, inputs));
    Graph& graph = scope.graph();
    const bool noisy = config_.jitter > 0 && scope.mode() == Mode::kTrain;
    const double low = 1 - config_.jitter, high = 1 + config_.jitter;
    const DType dtype = RouterDType(scope);
    ValueId x = inputs[0];
    if (noisy && !config_.fastmoe) {
      const ValueId noise = RandomLike(scope, "jitter", Dims(graph.dims(x)), dtype, low, high);
      x = graph.Mul(graph.Cast(x, dtype), noise);
    }
    Routing routing;
    routing.logits = RouterLogits(scope, x, "weight", config_.num_experts, config_.init_std);
    if (noisy && config_.fastmoe && graph.ok()) {
      const Dims dims = graph.dims(routing.logits);
      routing.logits = graph.Add(routing.logits,
                                 RandomLike(scope, "jitter", dims, dtype, low, high));
    }
    routing.scores = SoftmaxLast(graph, routing.logits);
    routing.ids = ChooseLargest(graph, routing.logits, 1);
    routing.weights = Pick(graph, routing.scores, routing.ids);
    return routing.ToValues();
  }

 private:
  SwitchGateConfig config_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Module>> NewSwitchGateModule(const ConfigNode& config) {
  ASSIGN_OR_RETURN(SwitchGateConfig fields, ReadSwitchGateConfig(config));
  return std::make_unique<SwitchGate>(std::move(fields));
}

}  // namespace tessera
