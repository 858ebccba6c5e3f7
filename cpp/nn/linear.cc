// Linear: y = x weight + bias, with weight [in_dim, out_dim].

#include "cpp/base/status_macros.h"
#include "cpp/nn/module.h"
#include "cpp/nn/projection.h"
#include "gen/config/linear.h"

namespace tessera {
namespace {

class Linear : public Module {
 public:
  explicit Linear(LinearConfig config) : config_(std::move(config)) {}

  absl::StatusOr<Values> Build(Scope& scope, const Values& inputs) const override {
    RETURN_IF_ERROR(scope.CheckInputs(inputs, {kAnyRank}));
    return Values{Project(scope,
                          {"", config_.in_dim, config_.out_dim, config_.bias, config_.init_std, {}},
                          inputs[0])};
  }

 private:
  LinearConfig config_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Module>> NewLinearModule(const ConfigNode& config) {
  ASSIGN_OR_RETURN(LinearConfig fields, ReadLinearConfig(config));
  return std::make_unique<Linear>(std::move(fields));
}

}  // namespace tessera
