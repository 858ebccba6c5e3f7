// SignSgd: p = p - lr * sign(gradient) (Bernstein et al., arXiv 1802.04434).
#include "absl/strings/str_cat.h"
#include "cpp/base/status_macros.h"
#include "cpp/optim/optimizer.h"
#include "gen/config/sign_sgd.h"

namespace tessera {
namespace {

class SignSgd : public Optimizer {
 public:
  explicit SignSgd(SignSgdConfig config)
      : Optimizer(ParamGroups::From(0, config.groups)), config_(std::move(config)) {}

  double learning_rate() const override { return config_.learning_rate; }
  std::vector<std::string> SlotNames(const ProgramParam&) const override { return {}; }

  absl::StatusOr<std::vector<ValueId>> Build(Graph& graph, const ProgramParam&,
                                             const UpdateValues& values) const override {
    const ValueId sign = graph.Op("sign", {values.gradient});
    const ValueId rate = graph.Cast(values.learning_rate, graph.dtype(values.param));
    return std::vector<ValueId>{graph.Sub(values.param, graph.Mul(sign, rate))};
  }

  std::string Key(const ProgramParam&) const override { return "SignSgd"; }

 private:
  SignSgdConfig config_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Optimizer>> NewSignSgdOptimizer(const ConfigNode& config) {
  ASSIGN_OR_RETURN(SignSgdConfig fields, ReadSignSgdConfig(config));
  return std::make_unique<SignSgd>(std::move(fields));
}

}  // namespace tessera
