// BaseGate: scores l = x W; in training each expert gets an even share of the tokens, so that the
// sum of the scores is nearly the largest there is; otherwise each token goes to its best expert.
// Weight sigmoid(l) of the chosen one.
//
// Source: Lewis et al., BASE layers, arXiv 2103.16716; there the columns of W start orthogonal,
// here as normal(0, init_std). No loss and no capacity is needed. A share is ceil(N / E) of N
// tokens.

#include "absl/strings/str_cat.h"
#include "cpp/base/status_macros.h"
#include "cpp/moe/internal/routing.h"
#include "cpp/nn/module.h"
#include "gen/config/base_gate.h"

namespace tessera {
namespace {

class BaseGate : public Module {
 public:
  explicit BaseGate(BaseGateConfig config) : config_(std::move(config)) {}

  absl::StatusOr<Values> Build(Scope& scope, const Values& inputs) const override {
    RETURN_IF_ERROR(CheckGateInputs(scope, inputs));
    if (MaskOf(inputs) != kNoValue && scope.mode() == Mode::kTrain) {
      return absl::InvalidArgumentError(
          "BaseGate: it gives every expert a share of all tokens and cannot leave out padding; "
          "set `skip_padding` of the mixture to false or take another gate");
    }
    Graph& graph = scope.graph();
    if (config_.per_sequence && graph.dims(inputs[0]).size() < 3) {
      return absl::InvalidArgumentError(absl::StrCat(
          "BaseGate by sequence: expected x[B, T, D], got ", graph.type(inputs[0]).ToText()));
    }
    Routing routing;
    routing.logits =
        RouterLogits(scope, inputs[0], "weight", config_.num_experts, config_.init_std);
    routing.scores = SoftmaxLast(graph, routing.logits);
    if (scope.mode() == Mode::kTrain) {
      const ValueId even =
          graph.Op("balanced_assignment", {AsGroups(graph, routing.logits, config_.per_sequence)},
                   {{"precision", config_.precision}});
      Dims dims = LeadingDims(graph, routing.logits);
      dims.push_back(Dim(1));
      routing.ids = graph.ok() ? graph.Reshape(even, dims) : kNoValue;
    } else {
      routing.ids = ChooseLargest(graph, routing.logits, 1);
    }
    routing.weights = graph.Op("sigmoid", {Pick(graph, routing.logits, routing.ids)});
    return routing.ToValues();
  }

 private:
  BaseGateConfig config_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Module>> NewBaseGateModule(const ConfigNode& config) {
  ASSIGN_OR_RETURN(BaseGateConfig fields, ReadBaseGateConfig(config));
  return std::make_unique<BaseGate>(std::move(fields));
}

}  // namespace tessera
