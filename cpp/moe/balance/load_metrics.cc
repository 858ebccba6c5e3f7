// LoadMetrics: what a router did, in the metrics of every mode (max_violation in training).
//
//   entropy        mean over tokens of -sum of p log p, p the scores
//   kept           choices that found room, of all choices
//   load_E         with `loads`: the share of expert E in all choices
//   max_violation  largest load / mean load - 1 of the layer, over a micro-batch of all ranks
//                  (arXiv 2408.15664)

#include "absl/strings/str_cat.h"
#include "cpp/base/status_macros.h"
#include "cpp/moe/internal/routing.h"
#include "cpp/nn/module.h"
#include "gen/config/load_metrics.h"

namespace tessera {
namespace {

class LoadMetrics : public Module {
 public:
  explicit LoadMetrics(LoadMetricsConfig config) : config_(std::move(config)) {}

  // ids, kept ids, weights, scores, logits, perhaps which tokens count
  absl::StatusOr<Values> Build(Scope& scope, const Values& inputs) const override {
    RETURN_IF_ERROR(CheckBalanceInputs(scope, inputs));
    Graph& graph = scope.graph();
    const ValueId ids = inputs[0], scores = inputs[3];
    const ValueId mask = BalanceMaskOf(inputs);
    const DType dtype = graph.dtype(scores);
    const ValueId p = graph.Add(scores, graph.Constant(1e-30, dtype));
    const ValueId entropy = graph.Op("neg", {graph.Mul(scores, graph.Op("log", {p}))});
    scope.AddMetric("entropy", graph.Sum(SumOverTokens(graph, entropy, mask), {0}),
                    TokenCount(graph, scores, dtype, mask));
    const ValueId none = graph.Constant(-1, DType::kI32);
    const auto count = [&](ValueId choices) {
      const ValueId is_one = graph.Cast(graph.Op("greater", {choices, none}), dtype);
      return graph.Sum(SumOverTokens(graph, is_one), {0});
    };
    scope.AddMetric("kept", count(inputs[1]), count(ids));
    if (config_.loads) AddLoads(scope, ids, dtype);
    if (scope.mode() != Mode::kTrain) return Values{};
    Statistic statistic;
    statistic.name = "max_violation";
    statistic.is_metric = true;
    statistic.per_layer = true;
    statistic.sums = {SumOverTokens(graph, ChoiceMap(graph, ids, config_.num_experts, dtype))};
    const double experts = static_cast<double>(config_.num_experts);
    statistic.loss = [experts](Graph& g, const Values& totals) {
      const DType type = g.dtype(totals[0]);
      const ValueId most = g.Op("reduce_max", {totals[0]}, {{"dims", std::vector<int64_t>{0}}});
      const ValueId sum = g.Op("maximum", {g.Sum(totals[0], {0}), g.Constant(1, type)});
      const ValueId ratio = g.Div(g.Mul(most, g.Constant(experts, type)), sum);
      return g.Sub(ratio, g.Constant(1, type));
    };
    RETURN_IF_ERROR(graph.status());
    scope.AddStatistic(statistic);
    return Values{};
  }

 private:
  void AddLoads(Scope& scope, ValueId ids, DType dtype) const {
    Graph& graph = scope.graph();
    const ValueId counts = SumOverTokens(graph, ChoiceMap(graph, ids, config_.num_experts, dtype));
    const ValueId all = graph.Sum(counts, {0});
    for (int64_t e = 0; e < config_.num_experts && graph.ok(); ++e) {
      const ValueId one = graph.Op(
          "slice", {counts}, {{"dim", int64_t{0}}, {"start", e}, {"size", int64_t{1}}});
      scope.AddMetric(absl::StrCat("load_", e), graph.Sum(one, {0}), all);
    }
  }

  LoadMetricsConfig config_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Module>> NewLoadMetricsModule(const ConfigNode& config) {
  ASSIGN_OR_RETURN(LoadMetricsConfig fields, ReadLoadMetricsConfig(config));
  return std::make_unique<LoadMetrics>(std::move(fields));
}

}  // namespace tessera
