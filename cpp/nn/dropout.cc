// Dropout: in training, each element is zeroed with probability rate and the others are divided by
// 1 - rate; otherwise the identity. The mask depends on (seed, step, path, global element index)
// only, so neither threads nor ranks change it.

#include "cpp/base/status_macros.h"
#include "cpp/nn/module.h"
#include "cpp/nn/scope.h"
#include "gen/config/dropout.h"

namespace tessera {
namespace {

class Dropout : public Module {
 public:
  explicit Dropout(DropoutConfig config) : config_(std::move(config)) {}

  absl::StatusOr<Values> Build(Scope& scope, const Values& inputs) const override {
    RETURN_IF_ERROR(scope.CheckInputs(inputs, {kAnyRank}));
    if (scope.mode() != Mode::kTrain || config_.rate == 0) return inputs;
    return Values{scope.graph().Op(
        "dropout", {inputs[0], scope.Key("mask"), scope.Ambient("batch_offset")},
        {{"rate", config_.rate}})};
  }

 private:
  DropoutConfig config_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Module>> NewDropoutModule(const ConfigNode& config) {
  ASSIGN_OR_RETURN(DropoutConfig fields, ReadDropoutConfig(config));
  return std::make_unique<Dropout>(std::move(fields));
}

}  // namespace tessera
