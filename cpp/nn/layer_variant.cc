// LayerVariant: a layer that stands at some places of a stack: start, start + every, ... below end.
//
// The stack asks by the hook "covers I" whether layer I is of this kind. Nothing else is done: x
// goes to the inner layer, whose parameters have the paths that any other layer would have there.

#include "absl/strings/numbers.h"
#include "absl/strings/strip.h"
#include "cpp/base/status_macros.h"
#include "cpp/nn/module.h"
#include "cpp/nn/scope.h"
#include "gen/config/layer_variant.h"

namespace tessera {
namespace {

class LayerVariant : public Module {
 public:
  explicit LayerVariant(LayerVariantConfig config) : config_(std::move(config)) {}

  bool HasHook(std::string_view hook) const override {
    int64_t index = 0;
    if (!absl::ConsumePrefix(&hook, "covers ") || !absl::SimpleAtoi(hook, &index)) return false;
    return index >= config_.start && (index - config_.start) % config_.every == 0 &&
           (config_.end == 0 || index < config_.end);
  }

  absl::StatusOr<Values> Build(Scope& scope, const Values& inputs) const override {
    return scope.Call("layer", inputs);
  }

 private:
  LayerVariantConfig config_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Module>> NewLayerVariantModule(const ConfigNode& config) {
  ASSIGN_OR_RETURN(LayerVariantConfig fields, ReadLayerVariantConfig(config));
  return std::make_unique<LayerVariant>(std::move(fields));
}

}  // namespace tessera
