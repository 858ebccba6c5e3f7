// NoPosition: no positional information but what the causal mask gives (NoPE, arXiv 2305.19466).

#include "cpp/base/status_macros.h"
#include "cpp/nn/module.h"
#include "cpp/nn/scope.h"

namespace tessera {
namespace {

class NoPosition : public Module {
 public:
  absl::StatusOr<Values> Build(Scope& scope, const Values& inputs) const override {
    RETURN_IF_ERROR(scope.CheckInputs(inputs, {kAnyRank}));
    return inputs;
  }
};

}  // namespace

absl::StatusOr<std::unique_ptr<Module>> NewNoPositionModule(const ConfigNode&) {
  return std::make_unique<NoPosition>();
}

}  // namespace tessera
