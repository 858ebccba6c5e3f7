// Wsd: warm-up, a long stable phase at the peak, a short decay (arXiv 2404.06395):
// (1 - m) t/w + m for t < w; 1; then (1 - m) D(x) + m with x the share of the decay done so far and
// D(x) = (1 + cos(pi x)) / 2, 1 - x or 1 - sqrt(x); m from then on.
//
// A stable phase that is not given ends `decay_steps` before the run does. In a run too short for
// both, the decay begins right after the warm-up and is cut off by the end of the run.

#include <algorithm>
#include <cmath>
#include <numbers>

#include "cpp/base/status_macros.h"
#include "cpp/optim/schedule.h"
#include "gen/config/wsd.h"

namespace tessera {
namespace {

class Wsd : public Schedule {
 public:
  explicit Wsd(WsdConfig config) : config_(config) {}

  double Factor(int64_t t, int64_t total_steps) const override {
    const int64_t warmup = config_.warmup_steps;
    if (t < warmup) return AboveMinimum(WarmupFactor(t, warmup));
    const int64_t stable = config_.stable_steps > 0
                               ? config_.stable_steps
                               : total_steps - warmup - config_.decay_steps;
    const int64_t begin = warmup + std::max<int64_t>(stable, 0);
    if (t < begin) return 1;
    return AboveMinimum(Height(DecayProgress(t, begin, begin + config_.decay_steps)));
  }

 private:
  double AboveMinimum(double height) const {
    return (1 - config_.min_lr_ratio) * height + config_.min_lr_ratio;
  }

  double Height(double x) const {
    switch (config_.decay_type) {
      case DecayShape::kCosine:
        return 0.5 * (1 + std::cos(std::numbers::pi * x));
      case DecayShape::kLinear:
        return 1 - x;
      case DecayShape::kOneMinusSqrt:
        return 1 - std::sqrt(x);
    }
    return 0;
  }

  WsdConfig config_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Schedule>> NewWsdSchedule(const ConfigNode& config) {
  ASSIGN_OR_RETURN(const WsdConfig fields, ReadWsdConfig(config));
  return std::make_unique<Wsd>(fields);
}

}  // namespace tessera
