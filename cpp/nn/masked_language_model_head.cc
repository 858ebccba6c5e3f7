// MaskedLanguageModelHead: logits[B,T,V] = norm(act(x W + b)) E' + c (BERT, arXiv 1810.04805), with
// E the embedding's table when tied.

#include "cpp/base/status_macros.h"
#include "cpp/nn/activation.h"
#include "cpp/nn/module.h"
#include "cpp/nn/scope.h"
#include "gen/config/masked_language_model_head.h"

namespace tessera {
namespace {

class MaskedLanguageModelHead : public Module {
 public:
  explicit MaskedLanguageModelHead(MaskedLanguageModelHeadConfig config)
      : config_(std::move(config)) {}

  // "shared_weight": does this head want the embedding's table as its "weight"?
  bool HasHook(std::string_view hook) const override {
    return hook == "shared_weight" && config_.tied;
  }

  absl::StatusOr<Values> Build(Scope& scope, const Values& inputs) const override {
    RETURN_IF_ERROR(scope.CheckInputs(inputs, {kAnyRank}));
    ValueId h =
        Activate(scope.graph(), config_.activation, scope.Call1("dense", {inputs[0]}));
    if (scope.HasChild("norm")) h = scope.Call1("norm", {h});
    return Values{scope.Call1("projection", {h})};
  }

 private:
  MaskedLanguageModelHeadConfig config_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Module>> NewMaskedLanguageModelHeadModule(
    const ConfigNode& config) {
  ASSIGN_OR_RETURN(MaskedLanguageModelHeadConfig fields, ReadMaskedLanguageModelHeadConfig(config));
  return std::make_unique<MaskedLanguageModelHead>(std::move(fields));
}

}  // namespace tessera
