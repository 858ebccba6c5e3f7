// CrossEntropy: the mean over target tokens of -log softmax(logits)[target], with label smoothing
// (arXiv 1512.00567) and z-loss (z_loss * logsumexp^2, arXiv 2204.02311).
//
// Inputs: logits[B,T,V], targets i32[B,T]; targets equal to ignore_index do not count. The loss is
// the sum over counted tokens divided by their number in the *global* batch.

#include "cpp/base/status_macros.h"
#include "cpp/nn/module.h"
#include "cpp/nn/scope.h"
#include "gen/config/cross_entropy.h"

namespace tessera {
namespace {

class CrossEntropy : public Module {
 public:
  explicit CrossEntropy(CrossEntropyConfig config) : config_(std::move(config)) {}

  absl::StatusOr<Values> Build(Scope& scope, const Values& inputs) const override {
    RETURN_IF_ERROR(scope.CheckInputs(inputs, {3, 2}));
    Graph& graph = scope.graph();
    const Values parts = graph.Ops("cross_entropy", {inputs[0], inputs[1]},
                                   {{"ignore_index", config_.ignore_index},
                                    {"label_smoothing", config_.label_smoothing},
                                    {"z_loss", config_.z_loss}},
                                   2);
    const ValueId ignored =
        graph.Constant(static_cast<double>(config_.ignore_index), DType::kI32);
    const ValueId counted = graph.Cast(graph.Op("not_equal", {inputs[1], ignored}),
                                       graph.dtype(parts[0]));
    scope.AddLoss("cross_entropy", graph.Sum(parts[0], {0, 1}), graph.Sum(counted, {0, 1}));
    return Values{};
  }

 private:
  CrossEntropyConfig config_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Module>> NewCrossEntropyModule(const ConfigNode& config) {
  ASSIGN_OR_RETURN(CrossEntropyConfig fields, ReadCrossEntropyConfig(config));
  return std::make_unique<CrossEntropy>(std::move(fields));
}

}  // namespace tessera
