// InverseSqrt: falls with the square root of the step (arXiv 1706.03762, with a time scale):
// t/w for t < w, then 1 / sqrt((t - w + s) / s) with the time scale s, or w if none is given.

#include <cmath>

#include "cpp/base/status_macros.h"
#include "cpp/optim/field_error.h"
#include "cpp/optim/schedule.h"
#include "gen/config/inverse_sqrt.h"

namespace tessera {
namespace {

class InverseSqrt : public Schedule {
 public:
  explicit InverseSqrt(InverseSqrtConfig config) : config_(config) {}

  double Factor(int64_t t, int64_t) const override {
    const int64_t warmup = config_.warmup_steps;
    if (t < warmup) return WarmupFactor(t, warmup);
    const int64_t scale = config_.timescale > 0 ? config_.timescale : warmup;
    return 1 / std::sqrt(static_cast<double>(t - warmup + scale) / static_cast<double>(scale));
  }

 private:
  InverseSqrtConfig config_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Schedule>> NewInverseSqrtSchedule(const ConfigNode& config) {
  ASSIGN_OR_RETURN(const InverseSqrtConfig fields, ReadInverseSqrtConfig(config));
  if (fields.timescale == 0 && fields.warmup_steps == 0) {
    return FieldError(config, "timescale", "at least 1",
                      "it is taken from warmup_steps only when that is not 0");
  }
  return std::make_unique<InverseSqrt>(fields);
}

}  // namespace tessera
