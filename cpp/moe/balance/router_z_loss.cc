// RouterZLoss: the mean over tokens of logsumexp(logits)^2, of each layer; layers add up.
//
// Source: Zoph et al., ST-MoE, arXiv 2202.08906, equation 5.

#include "absl/strings/str_cat.h"
#include "cpp/base/status_macros.h"
#include "cpp/moe/internal/routing.h"
#include "cpp/nn/module.h"
#include "gen/config/router_z_loss.h"

namespace tessera {
namespace {

class RouterZLoss : public Module {
 public:
  explicit RouterZLoss(RouterZLossConfig config) : config_(std::move(config)) {}

  // ids, kept ids, weights, scores, logits, perhaps which tokens count
  absl::StatusOr<Values> Build(Scope& scope, const Values& inputs) const override {
    RETURN_IF_ERROR(CheckBalanceInputs(scope, inputs));
    Graph& graph = scope.graph();
    if (scope.mode() != Mode::kTrain || config_.weight == 0) return Values{};
    const ValueId logits = inputs[4];
    const auto last = static_cast<int64_t>(graph.dims(logits).size()) - 1;
    // log softmax = l - logsumexp, so that any l less its own gives it; the sum keeps all exact.
    const ValueId first = graph.Op("slice", {logits}, {{"dim", last}, {"size", int64_t{1}}});
    const ValueId first_log =
        graph.Op("slice", {graph.Op("log_softmax", {logits})},
                 {{"dim", last}, {"size", int64_t{1}}});
    const ValueId lse = graph.Sub(first, first_log);
    const ValueId mask = BalanceMaskOf(inputs);
    const ValueId sum = graph.Sum(SumOverTokens(graph, graph.Mul(lse, lse), mask), {0});
    scope.AddLoss("router_z", sum, TokenCount(graph, logits, graph.dtype(logits), mask),
                  config_.weight);
    return Values{};
  }

 private:
  RouterZLossConfig config_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Module>> NewRouterZLossModule(const ConfigNode& config) {
  ASSIGN_OR_RETURN(RouterZLossConfig fields, ReadRouterZLossConfig(config));
  return std::make_unique<RouterZLoss>(std::move(fields));
}

}  // namespace tessera
