// AdamW: Adam with decoupled weight decay (arXiv 1711.05101). The formula is that of the op
// adamw_update; here are the settings of each parameter.

#include "absl/strings/str_cat.h"
#include "cpp/base/status_macros.h"
#include "cpp/optim/optimizer.h"
#include "gen/config/adam_w.h"

namespace tessera {
namespace {

class AdamW : public Optimizer {
 public:
  explicit AdamW(AdamWConfig config)
      : Optimizer(ParamGroups::From(config.weight_decay, config.groups)),
        config_(std::move(config)) {}

  double learning_rate() const override { return config_.learning_rate; }

  std::vector<std::string> SlotNames(const ProgramParam&) const override { return {"m", "v"}; }

  absl::StatusOr<std::vector<ValueId>> Build(Graph& graph, const ProgramParam& param,
                                             const UpdateValues& values) const override {
    const GroupSettings settings = groups().For(param);
    const ValueId rate = ScaledRate(graph, values.learning_rate, settings.learning_rate_scale);
    return graph.Ops("adamw_update",
                     {values.param, values.gradient, values.slots[0], values.slots[1], rate,
                      values.step, values.clip},
                     {{"beta1", config_.beta1},
                      {"beta2", config_.beta2},
                      {"epsilon", config_.epsilon},
                      {"weight_decay", settings.weight_decay}},
                     3);
  }

  std::string Key(const ProgramParam& param) const override {
    const GroupSettings settings = groups().For(param);
    return absl::StrCat("AdamW/", KeyText(config_.beta1), "/", KeyText(config_.beta2), "/",
                        KeyText(config_.epsilon), "/", KeyText(settings.weight_decay), "/",
                        KeyText(settings.learning_rate_scale));
  }

 private:
  AdamWConfig config_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Optimizer>> NewAdamWOptimizer(const ConfigNode& config) {
  ASSIGN_OR_RETURN(AdamWConfig fields, ReadAdamWConfig(config));
  return std::make_unique<AdamW>(std::move(fields));
}

}  // namespace tessera
