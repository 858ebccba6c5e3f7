// FeedForward: y = act(x Wu) Wd, or gated y = (act(x Wg) * (x Wu)) Wd (arXiv 2002.05202). With
// bounds and an offset (gpt-oss, arXiv 2508.10925), y = (act(min(g, c)) * (clip(u, -c, c) + o)) Wd.
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
      hidden = ActivateGated(graph, config_.activation, Bounded(graph, gate, false),
                             Shifted(graph, Bounded(graph, up, true)));
    } else {
      hidden = Activate(graph, config_.activation, up);
    }
    return Values{scope.Call1("down_proj", {hidden})};
  }

 private:
  // x cut off above the bound and, if said so, below its negative.
  ValueId Bounded(Graph& graph, ValueId x, bool below) const {
    if (config_.clamp == 0 || !graph.ok()) return x;
    const DType dtype = graph.dtype(x);
    const ValueId y = graph.Op("minimum", {x, graph.Constant(config_.clamp, dtype)});
    return below ? graph.Op("maximum", {y, graph.Constant(-config_.clamp, dtype)}) : y;
  }

  ValueId Shifted(Graph& graph, ValueId x) const {
    if (config_.up_offset == 0 || !graph.ok()) return x;
    return graph.Add(x, graph.Constant(config_.up_offset, graph.dtype(x)));
  }

  FeedForwardConfig config_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Module>> NewFeedForwardModule(const ConfigNode& config) {
  ASSIGN_OR_RETURN(FeedForwardConfig fields, ReadFeedForwardConfig(config));
  if (!fields.gated && (fields.clamp != 0 || fields.up_offset != 0)) {
    return absl::InvalidArgumentError(
        "FeedForward: clamp and up_offset are for gated ones; set gated, or leave them out");
  }
  return std::make_unique<FeedForward>(std::move(fields));
}

}  // namespace tessera
