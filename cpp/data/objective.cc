#include "cpp/data/objective.h"

#include <vector>

#include "absl/strings/str_cat.h"
#include "cpp/base/hash.h"
#include "cpp/base/philox.h"
#include "cpp/base/suggest.h"
#include "cpp/config/tree.h"

namespace tessera {

absl::Status Objective::Prepare(Batch&) const { return absl::OkStatus(); }

SampleWords::SampleWords(const Sample& sample)
    : key_(MixBits(sample.seed ^ HashBytes("objective", 0))),
      high_(static_cast<uint64_t>(sample.index)) {}

uint64_t SampleWords::Next() { return PhiloxU64(key_, high_, low_++); }
double SampleWords::NextUnit() { return philox::UnitDouble(Next()); }
int64_t SampleWords::NextBelow(int64_t count) {
  return static_cast<int64_t>(philox::Below(Next(), static_cast<uint64_t>(count)));
}

absl::StatusOr<std::shared_ptr<const Objective>> NewObjective(const ConfigNode& config) {
  std::vector<std::string> known;
  for (const ObjectiveEntry& entry : BuiltinObjectives()) {
    if (entry.type == config.type()) {
      absl::StatusOr<std::unique_ptr<Objective>> objective = entry.create(config);
      if (!objective.ok()) return objective.status();
      return std::shared_ptr<const Objective>(*std::move(objective));
    }
    known.emplace_back(entry.type);
  }
  return absl::NotFoundError(absl::StrCat("objective: got '", config.type(), "'",
                                          SuggestionText(config.type(), known)));
}

}  // namespace tessera
