// LoadBalance: E * sum over e of f_e * P_e, least (1) when all experts get the same.
//
// f_e is the share of choices that fell on e (a constant), P_e the mean score of e over tokens:
//   per choice  f_e = n_e / (k N)   (Switch, arXiv 2101.03961; Megatron; DeepSeek-V2)
//   per token   f_e = n_e / N       (Mixtral in transformers)
//   first       f_e = share of tokens whose first choice is e (GShard, arXiv 2006.16668)
// Sums run over the tokens of a micro-batch on all ranks and over all layers of one name before the
// product is taken, or over each sequence, whose losses are then averaged. n counts choices before
// capacity takes some away. Scores that do not sum to 1 (sigmoid) are divided by their sum.

#include "absl/strings/str_cat.h"
#include "cpp/base/status_macros.h"
#include "cpp/moe/internal/routing.h"
#include "cpp/nn/module.h"
#include "gen/config/load_balance.h"

namespace tessera {
namespace {

class LoadBalance : public Module {
 public:
  explicit LoadBalance(LoadBalanceConfig config) : config_(std::move(config)) {}

  // ids, kept ids, weights, scores, logits, perhaps which tokens count
  absl::StatusOr<Values> Build(Scope& scope, const Values& inputs) const override {
    RETURN_IF_ERROR(CheckBalanceInputs(scope, inputs));
    Graph& graph = scope.graph();
    if (scope.mode() != Mode::kTrain || config_.weight == 0) return Values{};
    const bool by_sequence = config_.scope == BalanceScope::kSequence;
    const ValueId scores = inputs[3];
    if (by_sequence && graph.dims(scores).size() != 3) {
      return absl::InvalidArgumentError(absl::StrCat(
          "LoadBalance by sequence: expected scores [B, T, E], got ", graph.type(scores).ToText()));
    }
    const DType dtype = graph.dtype(scores);
    ValueId ids = inputs[0];
    const auto choice_dim = static_cast<int64_t>(graph.dims(ids).size()) - 1;
    double choices = static_cast<double>(graph.dims(ids).back().value());
    if (config_.first_choice) {
      ids = graph.Op("slice", {ids}, {{"dim", choice_dim}, {"size", int64_t{1}}});
      choices = 1;
    }
    if (!config_.per_choice) choices = 1;
    const ValueId mask = BalanceMaskOf(inputs);
    const ValueId chosen = ChoiceMap(graph, ids, config_.num_experts, dtype);
    const ValueId shares = OfTokens(graph, Normalized(graph, scores, 0), mask, 0);
    Statistic statistic;
    statistic.name = config_.name;
    statistic.weight = config_.weight;
    const double scale = static_cast<double>(config_.num_experts) / choices;
    if (by_sequence) {
      statistic.scope = Statistic::kSequence;
      const ValueId ones = OfTokens(
          graph, graph.Constant(1, dtype, {graph.dims(scores)[0], graph.dims(scores)[1], Dim(1)}),
          mask, 0);
      statistic.sums = {graph.Sum(chosen, {1}), graph.Sum(shares, {1}), graph.Sum(ones, {1})};
    } else {
      statistic.sums = {SumOverTokens(graph, chosen), SumOverTokens(graph, shares),
                        TokenCount(graph, scores, dtype, mask)};
    }
    statistic.loss = [scale, by_sequence](Graph& g, const Values& totals) {
      // Without tokens the sums are 0, and so is the loss.
      const ValueId tokens =
          g.Op("maximum", {totals[2], g.Constant(1, g.dtype(totals[2]))});
      const ValueId product = g.Mul(g.Div(totals[0], tokens), g.Div(totals[1], tokens));
      const ValueId sum = g.Sum(product, {by_sequence ? int64_t{1} : int64_t{0}});
      return g.Mul(sum, g.Constant(scale, g.dtype(sum)));
    };
    RETURN_IF_ERROR(graph.status());
    scope.AddStatistic(statistic);
    return Values{};
  }

 private:
  LoadBalanceConfig config_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Module>> NewLoadBalanceModule(const ConfigNode& config) {
  ASSIGN_OR_RETURN(LoadBalanceConfig fields, ReadLoadBalanceConfig(config));
  return std::make_unique<LoadBalance>(std::move(fields));
}

}  // namespace tessera
