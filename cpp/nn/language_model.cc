// LanguageModel: tokens -> embedding -> decoder -> head -> logits, and a loss against the targets.
//
// Inputs: tokens i32[B,T] and, in training and evaluation, targets i32[B,T]. Result: logits[B,T,V].
// A head that asks for it ("shared_weight") is tied to the embedding's table.

#include "cpp/base/status_macros.h"
#include "cpp/nn/module.h"
#include "cpp/nn/scope.h"
#include "gen/config/language_model.h"

namespace tessera {
namespace {

class LanguageModel : public Module {
 public:
  explicit LanguageModel(LanguageModelConfig config) : config_(std::move(config)) {}

  ModelInputs Inputs(Mode mode, DType dtype) const override {
    ModelInputs inputs = Module::Inputs(mode, dtype);
    if (config_.token_types) inputs.ambients.push_back({"token_types", inputs.arguments[0].type});
    return inputs;
  }

  absl::StatusOr<Values> Build(Scope& scope, const Values& inputs) const override {
    if (inputs.size() > 1) {
      RETURN_IF_ERROR(scope.CheckInputs(inputs, {2, 2}));
    } else {
      RETURN_IF_ERROR(scope.CheckInputs(inputs, {2}));
    }
    const ValueId x = scope.Call1("embedding", {inputs[0]});
    const ValueId h = scope.Call1("decoder", {x});
    if (scope.ChildHasHook("head", "shared_weight")) {
      scope.Share("head/weight", "embedding/weight");
    }
    const ValueId logits = scope.Call1("head", {h});
    if (inputs.size() > 1) scope.Call("loss", {logits, inputs[1]});
    return Values{logits};
  }

 private:
  LanguageModelConfig config_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Module>> NewLanguageModelModule(const ConfigNode& config) {
  ASSIGN_OR_RETURN(LanguageModelConfig fields, ReadLanguageModelConfig(config));
  return std::make_unique<LanguageModel>(std::move(fields));
}

}  // namespace tessera
