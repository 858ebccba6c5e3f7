// Cosine: half a cosine from the peak to the lowest rate m (arXiv 1608.03983, one period):
// t/w for t < w, then (1 - m) (1 + cos(pi x)) / 2 + m with x = (t - w) / (T - w), at most 1.

#include <cmath>
#include <numbers>

#include "cpp/base/status_macros.h"
#include "cpp/optim/schedule.h"
#include "gen/config/cosine.h"

namespace tessera {
namespace {

class Cosine : public Schedule {
 public:
  explicit Cosine(CosineConfig config) : config_(config) {}

  double Factor(int64_t t, int64_t total_steps) const override {
    if (t < config_.warmup_steps) return WarmupFactor(t, config_.warmup_steps);
    const int64_t end = config_.total_steps > 0 ? config_.total_steps : total_steps;
    const double x = DecayProgress(t, config_.warmup_steps, end);
    const double height = 0.5 * (1 + std::cos(std::numbers::pi * x));
    return (1 - config_.min_lr_ratio) * height + config_.min_lr_ratio;
  }

 private:
  CosineConfig config_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Schedule>> NewCosineSchedule(const ConfigNode& config) {
  ASSIGN_OR_RETURN(const CosineConfig fields, ReadCosineConfig(config));
  RETURN_IF_ERROR(CheckWarmupEnds(config, fields.warmup_steps, fields.total_steps));
  return std::make_unique<Cosine>(fields);
}

}  // namespace tessera
