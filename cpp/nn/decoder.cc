// Decoder: a position module, num_layers equal layers, a final norm. x[B,T,D] -> [B,T,D].
//
// The position stands here once and is provided to everything below, so that attention inherits
// it: swapping learned for rotary positions is one line of config.

#include "absl/strings/str_cat.h"
#include "cpp/base/status_macros.h"
#include "cpp/nn/module.h"
#include "cpp/nn/scope.h"
#include "gen/config/decoder.h"

namespace tessera {
namespace {

class Decoder : public Module {
 public:
  explicit Decoder(DecoderConfig config) : config_(std::move(config)) {}

  absl::StatusOr<Values> Build(Scope& scope, const Values& inputs) const override {
    RETURN_IF_ERROR(scope.CheckInputs(inputs, {kAnyRank}));
    ValueId x = inputs[0];
    scope.ProvideBelow("position", "position");
    if (scope.ChildHasHook("position", "embed")) {
      const Values embedded = scope.CallHook("position", "embed", {x});
      if (!scope.graph().ok()) return Values{};
      x = embedded[0];
    }
    if (scope.HasChild("dropout")) x = scope.Call1("dropout", {x});
    for (int64_t i = 0; i < config_.num_layers; ++i) {
      x = scope.Call1("layer", {x}, absl::StrCat("layers/", i));
    }
    if (scope.HasChild("norm")) x = scope.Call1("norm", {x}, "final_norm");
    return Values{x};
  }

 private:
  DecoderConfig config_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Module>> NewDecoderModule(const ConfigNode& config) {
  ASSIGN_OR_RETURN(DecoderConfig fields, ReadDecoderConfig(config));
  return std::make_unique<Decoder>(std::move(fields));
}

}  // namespace tessera
