// tsr_runtime_register_schedule: schedules of the learning rate that a host's callback computes.

#include <cmath>

#include "absl/strings/str_cat.h"
#include "capi/src/internal/arguments.h"
#include "capi/src/internal/guard.h"
#include "capi/src/internal/host_callback.h"
#include "capi/src/internal/host_type.h"
#include "capi/src/internal/scope_object.h"
#include "cpp/base/status_macros.h"
#include "cpp/config/config.h"

namespace tessera::capi {
namespace {

struct HostFactor {
  std::string type;
  tsr_schedule_factor factor = nullptr;
  std::shared_ptr<const HostCallback> callback;
};

class CustomSchedule : public Schedule {
 public:
  CustomSchedule(std::shared_ptr<const HostFactor> host, const ConfigNode& config)
      : host_(std::move(host)), config_(Config::NodeJson(config)) {}

  // Where nobody can be told of an error there is no factor.
  double Factor(int64_t t, int64_t total_steps) const override {
    return FactorOrError(t, total_steps).value_or(std::nan(""));
  }

  absl::StatusOr<double> FactorOrError(int64_t t, int64_t total_steps) const override {
    const std::string what = absl::StrCat("schedule '", host_->type, "'");
    double factor = std::nan("");
    RETURN_IF_ERROR(CallHost(what, [&] {
      return host_->factor(host_->callback->user(), config_.data(), config_.size(), t, total_steps,
                           &factor);
    }));
    if (std::isfinite(factor)) return factor;
    return absl::InvalidArgumentError(
        absl::StrCat(what, ": expected a finite factor for step ", t, ", got ", factor));
  }

 private:
  const std::shared_ptr<const HostFactor> host_;
  const std::string config_;
};

absl::Status Register(RuntimeObject& runtime, const tsr_schedule_def& def,
                      std::shared_ptr<const HostCallback> callback) {
  RETURN_IF_ERROR(CheckPointer(reinterpret_cast<const void*>(def.factor), "def.factor"));
  absl::MutexLock lock(&runtime.registration_mutex());
  ASSIGN_OR_RETURN(const TypeInfo* info,
                   RegisterHostType(runtime, def.schema, def.type, "schedule"));
  auto host = std::make_shared<HostFactor>();
  host->type = info->name;
  host->factor = def.factor;
  host->callback = std::move(callback);
  return runtime.schedules().Register(
      info->name, [host](const ConfigNode& config) -> absl::StatusOr<std::unique_ptr<Schedule>> {
        return std::make_unique<CustomSchedule>(host, config);
      });
}

}  // namespace
}  // namespace tessera::capi

tsr_status* tsr_runtime_register_schedule(tsr_runtime* runtime, const tsr_schedule_def* def) {
  using namespace tessera::capi;  // NOLINT: one function
  return Guard([&](Call& call) -> absl::Status {
    constexpr uint32_t kFirstVersion = sizeof(tsr_schedule_def);
    ASSIGN_OR_RETURN(const tsr_schedule_def full, ReadStruct(def, kFirstVersion, "def"));
    // From here on `destroy` is called, however this ends.
    auto callback = std::make_shared<const HostCallback>(full.user, full.destroy);
    ASSIGN_OR_RETURN(const auto owner, call.Use(runtime, "runtime"));
    return Register(*owner, full, std::move(callback));
  });
}
