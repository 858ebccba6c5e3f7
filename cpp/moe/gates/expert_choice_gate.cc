// ExpertChoiceGate: S = softmax(x W) over experts; every expert takes the C = floor(n c / E) tokens
// of its n-token group with the largest S[t, e], weight S[t, e]; c is the mean number of experts of
// a token.
//
// A token may have no expert, or all; padding that does not count is not taken, but n counts it.
// Source: Zhou et al., arXiv 2202.09368. What a token gets
// depends on later tokens of its group, so that it is for encoders, or for causal models as a
// known leak; it cannot decode token by token.

#include "absl/strings/str_cat.h"
#include "cpp/base/status_macros.h"
#include "cpp/moe/internal/routing.h"
#include "cpp/nn/module.h"
#include "gen/config/expert_choice_gate.h"

#include <algorithm>
#include <cmath>

namespace tessera {
namespace {

class ExpertChoiceGate : public Module {
 public:
  explicit ExpertChoiceGate(ExpertChoiceGateConfig config) : config_(std::move(config)) {}

  absl::StatusOr<Values> Build(Scope& scope, const Values& inputs) const override {
    RETURN_IF_ERROR(CheckGateInputs(scope, inputs));
    Graph& graph = scope.graph();
    if (scope.mode() == Mode::kDecode) {
      return absl::InvalidArgumentError(
          "ExpertChoiceGate: experts choose among all tokens of a sequence; it cannot decode one "
          "token after the other");
    }
    if (config_.per_sequence && graph.dims(inputs[0]).size() < 3) {
      return absl::InvalidArgumentError(absl::StrCat(
          "ExpertChoiceGate by sequence: expected x[B, T, D], got ",
          graph.type(inputs[0]).ToText()));
    }
    const int64_t experts = config_.num_experts;
    Routing routing;
    routing.logits = RouterLogits(scope, inputs[0], "weight", experts, config_.init_std);
    routing.scores = SoftmaxLast(graph, routing.logits);
    RETURN_IF_ERROR(graph.status());
    const ValueId every = graph.Op(
        "arange", {}, {{"shape", absl::StrCat(experts)}, {"dtype", "i32"}});
    const ValueId all = graph.Op("broadcast_to", {every},
                                 {{"shape", ShapeText(graph.dims(routing.logits))}});
    const ValueId taken =
        graph.Op("drop_over_capacity",
                 {AsGroups(graph, OnlyOfTokens(graph, all, MaskOf(inputs)), config_.per_sequence),
                  AsGroups(graph, routing.scores, config_.per_sequence)},
                 {{"num_experts", experts},
                  {"factor", config_.capacity / static_cast<double>(experts)},
                  {"round_down", true}});
    routing.ids = graph.Reshape(taken, Dims(graph.dims(routing.logits)));
    routing.weights = routing.scores;
    const auto planned = static_cast<int64_t>(std::ceil(config_.capacity));
    routing.planned =
        graph.Constant(0, DType::kI32, {Dim(std::min(planned, experts))});
    return routing.ToValues();
  }

 private:
  ExpertChoiceGateConfig config_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Module>> NewExpertChoiceGateModule(const ConfigNode& config) {
  ASSIGN_OR_RETURN(ExpertChoiceGateConfig fields, ReadExpertChoiceGateConfig(config));
  return std::make_unique<ExpertChoiceGate>(std::move(fields));
}

}  // namespace tessera
