// Schedule: the factor on the learning rate at each step.
//
// Factor(t) is for optimizer step number t + 1, so a warm-up of w steps starts with 0 at t = 0
// (the convention of Hugging Face Transformers, whose tables the tests hold these against).
// One file per schedule, as for optimizers; schemas in schemas/schedules. Immutable; thread-safe.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "cpp/config/part_table.h"

namespace tessera {

class ConfigNode;

class Schedule {
 public:
  virtual ~Schedule() = default;
  // `total_steps` is that of the run, for schedules that do not say their own.
  virtual double Factor(int64_t t, int64_t total_steps) const = 0;
  // The same, for a schedule that can fail: a host's.
  virtual absl::StatusOr<double> FactorOrError(int64_t t, int64_t total_steps) const {
    return Factor(t, total_steps);
  }
};

// What schedules have in common. The rise: t / warmup_steps, for t below warmup_steps.
double WarmupFactor(int64_t t, int64_t warmup_steps);
// The share of the steps from `begin` to `end` that is done at t >= begin; 1 from `end` on, also
// when the range is empty.
double DecayProgress(int64_t t, int64_t begin, int64_t end);

// INVALID_ARGUMENT when a decay that ends at `total_steps` (0: the run's end) begins after it.
absl::Status CheckWarmupEnds(const ConfigNode& config, int64_t warmup_steps, int64_t total_steps);

using ScheduleFactory = absl::StatusOr<std::unique_ptr<Schedule>> (*)(const ConfigNode& config);

struct ScheduleEntry {
  std::string_view type;   // "Cosine"
  ScheduleFactory create;
};

absl::Span<const ScheduleEntry> BuiltinSchedules();

// A built-in one, or one that a host has added (may be nullptr: none). NOT_FOUND with the nearest
// known name.
absl::StatusOr<std::unique_ptr<Schedule>> NewSchedule(const ConfigNode& config,
                                                      const PartTable<Schedule>* added = nullptr);

}  // namespace tessera
