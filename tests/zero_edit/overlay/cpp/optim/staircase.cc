// Staircase: the rate halves every so many steps.
#include <cmath>

#include "cpp/base/status_macros.h"
#include "cpp/optim/schedule.h"
#include "gen/config/staircase.h"

namespace tessera {
namespace {

class Staircase : public Schedule {
 public:
  explicit Staircase(StaircaseConfig config) : config_(config) {}
  double Factor(int64_t t, int64_t) const override {
    return std::exp2(-static_cast<double>(t / config_.every));
  }

 private:
  StaircaseConfig config_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Schedule>> NewStaircaseSchedule(const ConfigNode& config) {
  ASSIGN_OR_RETURN(const StaircaseConfig fields, ReadStaircaseConfig(config));
  return std::make_unique<Staircase>(fields);
}

}  // namespace tessera
