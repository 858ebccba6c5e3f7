// Schedule: the factor on the learning rate at each step.
//
// Factor(t) is for optimizer step number t + 1, so a warm-up of w steps starts with 0 at t = 0
// (the convention of Hugging Face Transformers, whose tables the tests hold these against).
// One file per schedule, as for optimizers; schemas in schemas/schedules. Immutable; thread-safe.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>

#include "absl/status/statusor.h"
#include "absl/types/span.h"

namespace tessera {

class ConfigNode;

class Schedule {
 public:
  virtual ~Schedule() = default;
  // `total_steps` is that of the run, for schedules that do not say their own.
  virtual double Factor(int64_t t, int64_t total_steps) const = 0;
};

using ScheduleFactory = absl::StatusOr<std::unique_ptr<Schedule>> (*)(const ConfigNode& config);

struct ScheduleEntry {
  std::string_view type;   // "Cosine"
  ScheduleFactory create;
};

absl::Span<const ScheduleEntry> BuiltinSchedules();

// NOT_FOUND with the nearest known name.
absl::StatusOr<std::unique_ptr<Schedule>> NewSchedule(const ConfigNode& config);

}  // namespace tessera
