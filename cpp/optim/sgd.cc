// Sgd: stochastic gradient descent, with momentum by the op sgd_update (formula there), without it
// as ordinary ops: p = p - lr * (clip * grad + weight_decay * p), which keeps nothing per
// parameter.

#include "absl/strings/str_cat.h"
#include "cpp/base/status_macros.h"
#include "cpp/optim/field_error.h"
#include "cpp/optim/optimizer.h"
#include "gen/config/sgd.h"

namespace tessera {
namespace {

class Sgd : public Optimizer {
 public:
  explicit Sgd(SgdConfig config)
      : Optimizer(ParamGroups::From(config.weight_decay, config.groups)),
        config_(std::move(config)) {}

  double learning_rate() const override { return config_.learning_rate; }

  std::vector<std::string> SlotNames(const ProgramParam&) const override {
    if (config_.momentum == 0) return {};
    return {"momentum"};
  }

  absl::StatusOr<std::vector<ValueId>> Build(Graph& graph, const ProgramParam& param,
                                             const UpdateValues& values) const override {
    const GroupSettings settings = groups().For(param);
    const ValueId rate = ScaledRate(graph, values.learning_rate, settings.learning_rate_scale);
    if (config_.momentum == 0) return Plain(graph, values, rate, settings.weight_decay);
    return graph.Ops("sgd_update",
                     {values.param, values.gradient, values.slots[0], rate, values.step,
                      values.clip},
                     {{"momentum", config_.momentum},
                      {"dampening", config_.dampening},
                      {"nesterov", config_.nesterov},
                      {"weight_decay", settings.weight_decay}},
                     2);
  }

  std::string Key(const ProgramParam& param) const override {
    const GroupSettings settings = groups().For(param);
    return absl::StrCat("Sgd/", KeyText(config_.momentum), "/", KeyText(config_.dampening), "/",
                        config_.nesterov ? "nesterov/" : "", KeyText(settings.weight_decay), "/",
                        KeyText(settings.learning_rate_scale));
  }

 private:
  // All factors are made as scalars first, so each tensor is read once per product.
  static std::vector<ValueId> Plain(Graph& graph, const UpdateValues& values, ValueId rate,
                                    double weight_decay) {
    const DType dtype = graph.ok() ? graph.dtype(values.param) : DType::kF32;
    const ValueId wide_rate = graph.Cast(rate, dtype);
    const ValueId wide_clip = graph.Cast(values.clip, dtype);
    ValueId param = values.param;
    if (weight_decay != 0) {
      const ValueId share = graph.Mul(wide_rate, graph.Constant(weight_decay, dtype));
      param = graph.Mul(param, graph.Sub(graph.Constant(1, dtype), share));
    }
    const ValueId move = graph.Mul(values.gradient, graph.Mul(wide_rate, wide_clip));
    return {graph.Sub(param, move)};
  }

  SgdConfig config_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Optimizer>> NewSgdOptimizer(const ConfigNode& config) {
  ASSIGN_OR_RETURN(SgdConfig fields, ReadSgdConfig(config));
  if (fields.nesterov && fields.momentum == 0) {
    return FieldError(config, "nesterov", "false", "momentum is 0, so there is nothing to look "
                      "ahead along; set momentum");
  }
  if (fields.nesterov && fields.dampening != 0) {
    return FieldError(config, "dampening", "0", "nesterov needs the undamped sum");
  }
  if (fields.dampening != 0 && fields.momentum == 0) {
    return FieldError(config, "dampening", "0", "momentum is 0, so there is no sum to damp");
  }
  return std::make_unique<Sgd>(std::move(fields));
}

}  // namespace tessera
