// FeedForward: y = act(x Wu) Wd, or gated y = (act(x Wg) * (x Wu)) Wd (arXiv 2002.05202).
//
// The products are slots: up_proj Wu, gate_proj Wg, down_proj Wd.

#include "cpp/base/status_macros.h"
#include "cpp/nn/activation.h"
#include "cpp/nn/module.h"
#include "cpp/nn/scope.h"
#include "gen/config/feed_forward.h"

namespace tessera {
namespace {

class FeedForward : public Module {
 public:
  explicit FeedForward(FeedForwardConfig config) : config_(std::move(config)) {}

  absl::StatusOr<Values> Build(Scope& scope, const Values& inputs) const override {
    RETURN_IF_ERROR(scope.CheckInputs(inputs, {kAnyRank}));
    Graph& graph = scope.graph();
    const ValueId x = inputs[0];
    ValueId hidden = kNoValue;
    const ValueId up = scope.Call1("up_proj", {x});
    if (config_.gated) {
      const ValueId gate = scope.Call1("gate_proj", {x});
      hidden = ActivateGated(graph, config_.activation, gate, up);
    } else {
      hidden = Activate(graph, config_.activation, up);
    }
    return Values{scope.Call1("down_proj", {hidden})};
  }

 private:
  FeedForwardConfig config_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Module>> NewFeedForwardModule(const ConfigNode& config) {
  ASSIGN_OR_RETURN(FeedForwardConfig fields, ReadFeedForwardConfig(config));
  return std::make_unique<FeedForward>(std::move(fields));
}

}  // namespace tessera
