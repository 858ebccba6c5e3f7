// FeedForward: y = act(x Wu) Wd, or gated y = (act(x Wg) * (x Wu)) Wd (arXiv 2002.05202).
//
// Single-device code: how the weights are split is the mesh's business. Weights start as
// normal(0, init_std), the last one as normal(0, output_init_std).

#include "cpp/base/status_macros.h"
#include "cpp/nn/module.h"
#include "cpp/nn/projection.h"
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
    const ValueId up = Project(scope, In("up_proj"), x);
    if (config_.gated) {
      const ValueId gate = Project(scope, In("gate_proj"), x);
      hidden = graph.Op("glu", {gate, up},
                        {{"activation", std::string(Name(config_.activation))}});
    } else {
      hidden = Activate(graph, config_.activation, up);
    }
    return Values{Project(scope,
                          {"down_proj", config_.hidden_dim, config_.model_dim, config_.bias,
                           config_.output_init_std > 0 ? config_.output_init_std : config_.init_std,
                           {"mlp", "embed"}},
                          hidden)};
  }

 private:
  ProjectionSpec In(std::string name) const {
    return {std::move(name), config_.model_dim, config_.hidden_dim, config_.bias,
            config_.init_std, {"embed", "mlp"}};
  }

  FeedForwardConfig config_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Module>> NewFeedForwardModule(const ConfigNode& config) {
  ASSIGN_OR_RETURN(FeedForwardConfig fields, ReadFeedForwardConfig(config));
  return std::make_unique<FeedForward>(std::move(fields));
}

}  // namespace tessera
