// LanguageModelHead: logits[B,T,V] = cap * tanh(scale * x W / cap) from x[B,T,D]; without a cap,
// scale * x W.
//
// The product is a slot whose parameters stand under this head's own path. Tied: its weight is the
// embedding's table [V,D], shared by the model (nn/language_model.cc). Untied: a weight [D,V].

#include "cpp/base/status_macros.h"
#include "cpp/nn/activation.h"
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
    const ValueId logits = Scaled(graph, scope.Call1("projection", {inputs[0]}), config_.scale);
    return Values{SoftCapped(graph, logits, config_.cap)};
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
