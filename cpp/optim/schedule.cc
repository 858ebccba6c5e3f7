#include "cpp/optim/schedule.h"

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "cpp/base/suggest.h"
#include "cpp/config/tree.h"
#include "cpp/optim/field_error.h"

namespace tessera {

double WarmupFactor(int64_t t, int64_t warmup_steps) {
  return static_cast<double>(t) / static_cast<double>(warmup_steps);
}

double DecayProgress(int64_t t, int64_t begin, int64_t end) {
  if (t >= end) return 1;
  return static_cast<double>(t - begin) / static_cast<double>(end - begin);
}

absl::Status CheckWarmupEnds(const ConfigNode& config, int64_t warmup_steps, int64_t total_steps) {
  if (total_steps == 0 || warmup_steps < total_steps) return absl::OkStatus();
  return FieldError(config, "warmup_steps",
                    absl::StrCat("less than total_steps, ", total_steps));
}

absl::StatusOr<std::unique_ptr<Schedule>> NewSchedule(const ConfigNode& config,
                                                      const PartTable<Schedule>* added) {
  std::vector<std::string> names;
  for (const ScheduleEntry& entry : BuiltinSchedules()) {
    if (entry.type == config.type()) return entry.create(config);
    names.emplace_back(entry.type);
  }
  if (added != nullptr) {
    if (const auto* create = added->Find(config.type())) return (*create)(config);
    for (std::string& name : added->Names()) names.push_back(std::move(name));
  }
  return absl::NotFoundError(absl::StrCat("schedule '", config.type(), "' is not known here",
                                          SuggestionText(config.type(), names)));
}

}  // namespace tessera
