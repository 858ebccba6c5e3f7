// Decoder: a position module, num_layers layers, a final norm. x[B,T,D] -> [B,T,D].
//
// The position stands here once and is provided to everything below, so that attention inherits
// it: swapping learned for rotary positions is one line of config. Layers are of one kind, but for
// those that a variant covers; each kind is traced once. Further inputs, such as what an encoder
// made, are handed to every layer as they are.

#include <vector>

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
    if (inputs.empty() || !scope.graph().ok()) {
      RETURN_IF_ERROR(scope.CheckInputs(inputs, {kAnyRank}));
    }
    Values values = inputs;
    ValueId& x = values[0];
    ASSIGN_OR_RETURN(const std::vector<int> variants, VariantOfEachLayer(scope));
    scope.ProvideBelow("position", "position");
    if (scope.ChildHasHook("position", "embed")) {
      const Values embedded = scope.CallHook("position", "embed", {x});
      if (!scope.graph().ok()) return Values{};
      x = embedded[0];
    }
    if (scope.HasChild("embedding_norm")) x = scope.Call1("embedding_norm", {x});
    if (scope.HasChild("dropout")) x = scope.Call1("dropout", {x});
    for (int64_t i = 0; i < config_.num_layers; ++i) {
      const int variant = variants[i];
      const std::string at = absl::StrCat("layers/", i);
      x = variant < 0 ? scope.Call1("layer", values, at)
                      : scope.Call1("variants", values, at, variant);
    }
    if (scope.HasChild("norm")) x = scope.Call1("norm", {x}, "final_norm");
    return Values{x};
  }

 private:
  // For every layer the first variant that covers it, or -1. A variant that covers no layer is a
  // slip: what it says would silently not hold.
  absl::StatusOr<std::vector<int>> VariantOfEachLayer(const Scope& scope) const {
    std::vector<int> variant_of(static_cast<size_t>(config_.num_layers), -1);
    for (int k = 0; k < scope.ChildCount("variants"); ++k) {
      bool covers_any = false;
      for (int64_t i = 0; i < config_.num_layers; ++i) {
        if (!scope.ChildHasHook("variants", absl::StrCat("covers ", i), k)) continue;
        covers_any = true;
        if (variant_of[i] < 0) variant_of[i] = k;
      }
      if (covers_any) continue;
      return absl::InvalidArgumentError(absl::StrCat(
          "Decoder: variants[", k, "]: expected to cover one of the ", config_.num_layers,
          " layers, got none; see its start and end, or leave it out"));
    }
    return variant_of;
  }

  DecoderConfig config_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Module>> NewDecoderModule(const ConfigNode& config) {
  ASSIGN_OR_RETURN(DecoderConfig fields, ReadDecoderConfig(config));
  return std::make_unique<Decoder>(std::move(fields));
}

}  // namespace tessera
