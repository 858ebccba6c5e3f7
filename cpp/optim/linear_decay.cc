// LinearDecay: a straight line from the peak to the lowest rate m:
// t/w for t < w, then (1 - m) (1 - x) + m with x = (t - w) / (T - w), at most 1.

#include "cpp/base/status_macros.h"
#include "cpp/optim/schedule.h"
#include "gen/config/linear_decay.h"

namespace tessera {
namespace {

class LinearDecay : public Schedule {
 public:
  explicit LinearDecay(LinearDecayConfig config) : config_(config) {}

  double Factor(int64_t t, int64_t total_steps) const override {
    if (t < config_.warmup_steps) return WarmupFactor(t, config_.warmup_steps);
    const int64_t end = config_.total_steps > 0 ? config_.total_steps : total_steps;
    const double left = 1 - DecayProgress(t, config_.warmup_steps, end);
    return (1 - config_.min_lr_ratio) * left + config_.min_lr_ratio;
  }

 private:
  LinearDecayConfig config_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Schedule>> NewLinearDecaySchedule(const ConfigNode& config) {
  ASSIGN_OR_RETURN(const LinearDecayConfig fields, ReadLinearDecayConfig(config));
  RETURN_IF_ERROR(CheckWarmupEnds(config, fields.warmup_steps, fields.total_steps));
  return std::make_unique<LinearDecay>(fields);
}

}  // namespace tessera
