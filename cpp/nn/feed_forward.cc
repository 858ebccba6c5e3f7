// FeedForward: y = act(x Wu) Wd, or gated y = (act(x Wg) * (x Wu)) Wd (arXiv 2002.05202).
//
// The products are slots: up_proj Wu, gate_proj Wg, down_proj Wd.

#include "cpp/base/status_macros.h"
#include "cpp/nn/module.h"
#include "cpp/nn/scope.h"
#include "gen/config/feed_forward.h"

namespace tessera {
namespace {

ValueId Activate(Graph& graph, Activation activation, ValueId x) {
  switch (activation) {
    case Activation::kRelu:
      return graph.Op("relu", {x});
    case Activation::kGelu:
      return graph.Op("gelu", {x}, {{"tanh", false}});
    case Activation::kGeluTanh:
      return graph.Op("gelu", {x}, {{"tanh", true}});
    case Activation::kSilu:
      return graph.Op("silu", {x});
  }
  return kNoValue;
}

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
      hidden = graph.Op("glu", {gate, up},
                        {{"activation", std::string(Name(config_.activation))}});
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
