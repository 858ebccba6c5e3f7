// SequenceClassifier: logits[B,C] of tokens i32[B,T], and a loss against labels i32[B] (BERT, arXiv
// 1810.04805, section 4.1).

#include "cpp/base/status_macros.h"
#include "cpp/nn/classification.h"
#include "cpp/nn/module.h"
#include "cpp/nn/scope.h"
#include "cpp/nn/tracer.h"
#include "gen/config/sequence_classifier.h"

namespace tessera {
namespace {

class SequenceClassifier : public Module {
 public:
  explicit SequenceClassifier(SequenceClassifierConfig config) : config_(std::move(config)) {}

  ModelInputs Inputs(Mode mode, DType) const override {
    ModelInputs inputs = {LanguageModelArguments(mode), LanguageModelAmbients(mode)};
    if (config_.token_types) inputs.ambients.push_back({"token_types", inputs.arguments[0].type});
    if (mode == Mode::kDecode) return inputs;
    inputs.arguments.back() = {"labels", {DType::kI32, {Dim::Symbol("B")}}};
    return inputs;
  }

  absl::StatusOr<Values> Build(Scope& scope, const Values& inputs) const override {
    RETURN_IF_ERROR(CheckClassifierInputs(scope, inputs, 2));
    const ValueId x = scope.Call1("embedding", {inputs[0]});
    return Classified(scope, scope.Call1("decoder", {x}), inputs);
  }

 private:
  SequenceClassifierConfig config_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Module>> NewSequenceClassifierModule(const ConfigNode& config) {
  ASSIGN_OR_RETURN(SequenceClassifierConfig fields, ReadSequenceClassifierConfig(config));
  return std::make_unique<SequenceClassifier>(std::move(fields));
}

}  // namespace tessera
