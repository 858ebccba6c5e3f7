// ImportanceBalance: variance / mean^2 of importance_e = sum over tokens of the weight of e, over
// the totals of a micro-batch and of all layers of one name.
//
// Source: Shazeer et al., arXiv 1701.06538, section 4, equations 6 and 7.

#include "absl/strings/str_cat.h"
#include "cpp/base/status_macros.h"
#include "cpp/moe/internal/routing.h"
#include "cpp/nn/module.h"
#include "gen/config/importance_balance.h"

namespace tessera {
namespace {

class ImportanceBalance : public Module {
 public:
  explicit ImportanceBalance(ImportanceBalanceConfig config) : config_(std::move(config)) {}

  // ids, kept ids, weights, scores, logits, perhaps which tokens count
  absl::StatusOr<Values> Build(Scope& scope, const Values& inputs) const override {
    RETURN_IF_ERROR(CheckBalanceInputs(scope, inputs));
    Graph& graph = scope.graph();
    if (scope.mode() != Mode::kTrain || config_.weight == 0) return Values{};
    Statistic statistic;
    statistic.name = config_.name;
    statistic.weight = config_.weight;
    statistic.sums = {
        SumOverTokens(graph, Place(graph, inputs[2], inputs[0], config_.num_experts))};
    statistic.loss = [](Graph& g, const Values& totals) {
      return SquaredVariation(g, totals[0], /*unbiased=*/false);
    };
    RETURN_IF_ERROR(graph.status());
    scope.AddStatistic(statistic);
    return Values{};
  }

 private:
  ImportanceBalanceConfig config_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Module>> NewImportanceBalanceModule(const ConfigNode& config) {
  ASSIGN_OR_RETURN(ImportanceBalanceConfig fields, ReadImportanceBalanceConfig(config));
  return std::make_unique<ImportanceBalance>(std::move(fields));
}

}  // namespace tessera
