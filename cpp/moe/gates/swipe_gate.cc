// SwipeGate: l = x W, the k largest; in training, slot by slot, choices that a group of experts has
// no room for are moved to the first group with room, so that every group gets ceil(N k / groups).
// Weights softmax over the logits of the experts that the token ends up with.
//
// Groups are `group_size` neighbours; with 1 every expert gets the same number. Source: SWIPE in
// BaGuaLu (Ma et al., PPoPP 2022), as fmoe/gates/swipe_gate.py, where a group is a rank. There a
// token may get an expert twice, which the op (cpp/ops/swipe.cc) avoids. No loss is needed.

#include "absl/strings/str_cat.h"
#include "cpp/base/status_macros.h"
#include "cpp/moe/internal/routing.h"
#include "cpp/nn/module.h"
#include "gen/config/swipe_gate.h"

namespace tessera {
namespace {

class SwipeGate : public Module {
 public:
  explicit SwipeGate(SwipeGateConfig config) : config_(std::move(config)) {}

  absl::StatusOr<Values> Build(Scope& scope, const Values& inputs) const override {
    RETURN_IF_ERROR(CheckGateInputs(scope, inputs));
    Graph& graph = scope.graph();
    if (config_.per_sequence && graph.dims(inputs[0]).size() < 3) {
      return absl::InvalidArgumentError(absl::StrCat(
          "SwipeGate by sequence: expected x[B, T, D], got ", graph.type(inputs[0]).ToText()));
    }
    Routing routing;
    routing.logits =
        RouterLogits(scope, inputs[0], "weight", config_.num_experts, config_.init_std);
    routing.scores = SoftmaxLast(graph, routing.logits);
    routing.ids = ChooseLargest(graph, routing.logits, config_.top_k);
    if (scope.mode() == Mode::kTrain && graph.ok()) {
      const Dims dims = graph.dims(routing.ids);
      const ValueId choices = OnlyOfTokens(graph, routing.ids, MaskOf(inputs));
      const ValueId shared =
          graph.Op("swipe", {AsGroups(graph, choices, config_.per_sequence)},
                   {{"num_experts", config_.num_experts}, {"group_size", config_.group_size}});
      routing.ids = graph.Reshape(shared, dims);
    }
    routing.weights = SoftmaxLast(graph, Pick(graph, routing.logits, routing.ids));
    return routing.ToValues();
  }

 private:
  SwipeGateConfig config_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Module>> NewSwipeGateModule(const ConfigNode& config) {
  ASSIGN_OR_RETURN(SwipeGateConfig fields, ReadSwipeGateConfig(config));
  return std::make_unique<SwipeGate>(std::move(fields));
}

}  // namespace tessera
