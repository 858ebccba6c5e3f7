// Constant: the peak rate after warm-up.

#include "cpp/base/status_macros.h"
#include "cpp/optim/schedule.h"
#include "gen/config/constant.h"

namespace tessera {
namespace {

class Constant : public Schedule {
 public:
  explicit Constant(ConstantConfig config) : config_(config) {}

  double Factor(int64_t t, int64_t) const override {
    return t < config_.warmup_steps ? WarmupFactor(t, config_.warmup_steps) : 1;
  }

 private:
  ConstantConfig config_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Schedule>> NewConstantSchedule(const ConfigNode& config) {
  ASSIGN_OR_RETURN(const ConstantConfig fields, ReadConstantConfig(config));
  return std::make_unique<Constant>(fields);
}

}  // namespace tessera
