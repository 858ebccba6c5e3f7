// SoftMixtureOfExperts: experts see mixtures of tokens and tokens get mixtures of what they return.
//
//   L = X M [T, S];  rows = softmax over tokens of L, transposed, times X;  Y = softmax over slots
//   of L, times experts(rows)
// with S = num_experts * slots_per_expert slots, of which each expert has its own. Nothing is
// chosen, nothing dropped, no loss needed. Every token depends on all others of its sequence: for
// encoders; it cannot decode. Source: Puigcerver et al., arXiv 2308.00951, section 2.1.

#include "absl/strings/str_cat.h"
#include "cpp/base/status_macros.h"
#include "cpp/moe/internal/routing.h"
#include "cpp/nn/module.h"
#include "gen/config/soft_mixture_of_experts.h"

namespace tessera {
namespace {

class SoftMixtureOfExperts : public Module {
 public:
  explicit SoftMixtureOfExperts(SoftMixtureOfExpertsConfig config) : config_(std::move(config)) {}

  absl::StatusOr<Values> Build(Scope& scope, const Values& inputs) const override {
    RETURN_IF_ERROR(scope.CheckInputs(inputs, {3}));
    if (scope.mode() == Mode::kDecode) {
      return absl::InvalidArgumentError(
          "SoftMixtureOfExperts: tokens depend on later ones; it cannot decode one by one");
    }
    Graph& graph = scope.graph();
    const ValueId x_BTD = inputs[0];
    const DType dtype = graph.dtype(x_BTD);
    const ValueId l_BTS = RouterLogits(scope, x_BTD, "mix/weight",
                                       config_.num_experts * config_.slots_per_expert,
                                       config_.init_std);
    const ValueId l_BST = graph.Transpose(l_BTS, {0, 2, 1});
    const ValueId send_BST = graph.Cast(SoftmaxLast(graph, l_BST), dtype);
    const ValueId return_BTS = graph.Cast(SoftmaxLast(graph, l_BTS), dtype);
    const ValueId done = Experts(scope, graph.MatMul(send_BST, x_BTD));
    return Values{graph.MatMul(return_BTS, done)};
  }

 private:
  // rows [B, S, D]; grouped products want them sorted by expert, so that these come first.
  ValueId Experts(Scope& scope, ValueId rows) const {
    Graph& graph = scope.graph();
    if (!graph.ok()) return kNoValue;
    const Dims dims = graph.dims(rows);
    const Dim experts(config_.num_experts), each(config_.slots_per_expert);
    const ValueId by_expert =
        graph.Transpose(graph.Reshape(rows, {dims[0], experts, each, dims[2]}), {1, 0, 2, 3});
    const ValueId numbers =
        graph.Op("arange", {}, {{"shape", experts.ToText()}, {"dtype", "i32"}});
    const ValueId owners = graph.Op(
        "broadcast_to", {graph.Reshape(numbers, {experts, Dim(1), Dim(1)})},
        {{"shape", ShapeText({experts, dims[0], each})}});
    const Values results =
        scope.CallGrouped("expert", {by_expert}, owners, config_.num_experts, "experts");
    if (!graph.ok() || results.size() != 1) return kNoValue;
    return graph.Reshape(graph.Transpose(results[0], {1, 0, 2, 3}), dims);
  }

  SoftMixtureOfExpertsConfig config_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Module>> NewSoftMixtureOfExpertsModule(const ConfigNode& config) {
  ASSIGN_OR_RETURN(SoftMixtureOfExpertsConfig fields, ReadSoftMixtureOfExpertsConfig(config));
  return std::make_unique<SoftMixtureOfExperts>(std::move(fields));
}

}  // namespace tessera
