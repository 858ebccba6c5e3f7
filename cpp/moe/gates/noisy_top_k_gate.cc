// NoisyTopKGate: clean c = x W, h = c + s * n with s = softplus(x V) + epsilon, n ~ N(0, 1) in
// training, h = c otherwise; the k largest of h, weights softmax over these.
//
// Two losses, over the totals of a micro-batch and of all layers, CV^2 = variance / mean^2:
//   importance  importance_e = sum over tokens of the weight of e
//   load        load_e = sum over tokens of Phi((c_e - t_e) / s_e), the probability that e is
//               chosen if its own noise is drawn again: t_e is the k-th largest of the other h
// Source: Shazeer et al., arXiv 1701.06538, section 4 and appendix A. Both matrices start as
// normal(0, init_std), not as zeros. The variance is over E; with `fastmoe` over E - 1, as
// fmoe/gates/noisy_gate.py has it. The load loss needs noise and more than k experts.

#include "cpp/base/status_macros.h"
#include "cpp/moe/internal/routing.h"
#include "cpp/nn/module.h"
#include "gen/config/noisy_top_k_gate.h"

namespace tessera {
namespace {

class NoisyTopKGate : public Module {
 public:
  explicit NoisyTopKGate(NoisyTopKGateConfig config) : config_(std::move(config)) {}

  absl::StatusOr<Values> Build(Scope& scope, const Values& inputs) const override {
    RETURN_IF_ERROR(CheckGateInputs(scope, inputs));
    Graph& graph = scope.graph();
    Routing routing;
    const DType dtype = RouterDType(scope);
    const ValueId clean =
        RouterLogits(scope, inputs[0], "weight", config_.num_experts, config_.init_std);
    ValueId stddev = kNoValue;
    routing.logits = clean;
    const bool trains = scope.mode() == Mode::kTrain;
    // Evaluation knows the matrix too, so that every mode has the same parameters.
    const ValueId raw = RouterLogits(scope, inputs[0], "noise/weight", config_.num_experts,
                                     config_.init_std);
    if (trains && graph.ok()) {
      stddev = graph.Add(graph.Op("softplus", {raw}),
                         graph.Constant(config_.noise_epsilon, dtype));
      const ValueId noise =
          graph.Op("random_normal", {scope.Key("noise"), scope.Ambient("batch_offset")},
                   {{"shape", ShapeText(graph.dims(clean))}, {"dtype", std::string(Name(dtype))}});
      routing.logits = graph.Add(clean, graph.Mul(stddev, noise));
    }
    routing.ids = ChooseLargest(graph, routing.logits, config_.top_k);
    routing.weights = SoftmaxLast(graph, Pick(graph, routing.logits, routing.ids));
    routing.scores = SoftmaxLast(graph, routing.logits);
    if (trains) AddLosses(scope, routing, clean, stddev, MaskOf(inputs));
    return routing.ToValues();
  }

 private:
  void AddLosses(Scope& scope, const Routing& routing, ValueId clean, ValueId stddev,
                 ValueId mask) const {
    Graph& graph = scope.graph();
    if (config_.importance_weight > 0) {
      AddVariation(scope, "importance", config_.importance_weight,
                   Place(graph, routing.weights, routing.ids, config_.num_experts), mask);
    }
    if (config_.load_weight > 0 && config_.top_k < config_.num_experts) {
      AddVariation(scope, "load", config_.load_weight,
                   ChanceOfChoice(graph, routing, clean, stddev), mask);
    }
  }

  void AddVariation(Scope& scope, std::string name, double weight, ValueId by_token,
                    ValueId mask) const {
    Statistic statistic;
    statistic.name = std::move(name);
    statistic.weight = weight;
    statistic.sums = {SumOverTokens(scope.graph(), by_token, mask)};
    statistic.loss = [unbiased = config_.fastmoe](Graph& graph, const Values& totals) {
      return SquaredVariation(graph, totals[0], unbiased);
    };
    if (scope.graph().ok()) scope.AddStatistic(statistic);
  }

  ValueId ChanceOfChoice(Graph& graph, const Routing& routing, ValueId clean,
                         ValueId stddev) const {
    if (!graph.ok()) return kNoValue;
    const DType dtype = graph.dtype(clean);
    const auto last = static_cast<int64_t>(graph.dims(clean).size()) - 1;
    const int64_t k = config_.top_k;
    const ValueId order = ChooseLargest(graph, routing.logits, k + 1);
    const ValueId best = Pick(graph, routing.logits, order);
    const auto at = [&](int64_t i) {
      return graph.Op("slice", {best}, {{"dim", last}, {"start", i}, {"size", int64_t{1}}});
    };
    // Whoever is chosen competes with the k-th of the others, which is the (k+1)-th of all.
    const ValueId is_chosen =
        graph.Op("greater", {ChoiceMap(graph, routing.ids, config_.num_experts, dtype),
                             graph.Constant(0.5, dtype)});
    const ValueId threshold = graph.Op("where", {is_chosen, at(k), at(k - 1)});
    const ValueId z = graph.Div(graph.Sub(clean, threshold), stddev);
    const ValueId erf =
        graph.Op("erf", {graph.Mul(z, graph.Constant(0.70710678118654752, dtype))});
    const ValueId half = graph.Constant(0.5, dtype);
    return graph.Add(graph.Mul(erf, half), half);
  }

  NoisyTopKGateConfig config_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Module>> NewNoisyTopKGateModule(const ConfigNode& config) {
  ASSIGN_OR_RETURN(NoisyTopKGateConfig fields, ReadNoisyTopKGateConfig(config));
  return std::make_unique<NoisyTopKGate>(std::move(fields));
}

}  // namespace tessera
