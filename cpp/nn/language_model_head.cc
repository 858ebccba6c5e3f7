// LanguageModelHead: logits[B,T,V] from x[B,T,D].
//
// Tied: the weight is the embedding's table [V,D], shared by the model (nn/language_model.cc) under
// this head's path "weight". Untied: a weight [D,V] of its own.

#include "cpp/base/status_macros.h"
#include "cpp/nn/module.h"
#include "cpp/nn/scope.h"
#include "gen/config/language_model_head.h"

namespace tessera {
namespace {

class LanguageModelHead : public Module {
 public:
  explicit LanguageModelHead(LanguageModelHeadConfig config) : config_(std::move(config)) {}

  // "shared_weight": does this head want the embedding's table as its "weight"?
  bool HasHook(std::string_view hook) const override {
    return hook == "shared_weight" && config_.tied;
  }

  absl::StatusOr<Values> Build(Scope& scope, const Values& inputs) const override {
    RETURN_IF_ERROR(scope.CheckInputs(inputs, {kAnyRank}));
    Graph& graph = scope.graph();
    const Initializer init = Initializer::Normal(config_.init_std);
    ValueId logits = kNoValue;
    if (config_.tied) {
      const ValueId weight_VD =
          scope.Param("weight", {config_.vocab_size, config_.model_dim}, init, {"vocab", "embed"});
      logits = graph.MatMul(inputs[0], weight_VD, false, true);
    } else {
      const ValueId weight_DV =
          scope.Param("weight", {config_.model_dim, config_.vocab_size}, init, {"embed", "vocab"});
      logits = graph.MatMul(inputs[0], weight_DV);
    }
    if (config_.bias) {
      logits = graph.Add(logits, scope.Param("bias", {config_.vocab_size},
                                             Initializer::Constant(0), {"vocab"}, false));
    }
    return Values{logits};
  }

 private:
  LanguageModelHeadConfig config_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Module>> NewLanguageModelHeadModule(const ConfigNode& config) {
  ASSIGN_OR_RETURN(LanguageModelHeadConfig fields, ReadLanguageModelHeadConfig(config));
  return std::make_unique<LanguageModelHead>(std::move(fields));
}

}  // namespace tessera
