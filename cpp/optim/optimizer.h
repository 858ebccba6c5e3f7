// Optimizer: an update rule made from config. One file per optimizer: cpp/optim/adam_w.cc defines
// NewAdamWOptimizer; the build writes the table of those that have a schema in schemas/optimizers.
// Immutable; thread-safe.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "cpp/config/part_table.h"
#include "cpp/ir/update_rule.h"
#include "cpp/optim/param_groups.h"

namespace tessera {

class ConfigNode;

class Optimizer : public UpdateRule {
 public:
  explicit Optimizer(ParamGroups groups) : groups_(std::move(groups)) {}
  // The peak learning rate, before the schedule's factor.
  virtual double learning_rate() const = 0;
  const ParamGroups& groups() const { return groups_; }

 private:
  ParamGroups groups_;
};

// learning_rate * scale as a node of the graph; learning_rate itself for 1.
ValueId ScaledRate(Graph& graph, ValueId learning_rate, double scale);

// A setting as text for UpdateRule::Key: equal texts for equal values only.
std::string KeyText(double value);

using OptimizerFactory = absl::StatusOr<std::unique_ptr<Optimizer>> (*)(const ConfigNode& config);

struct OptimizerEntry {
  std::string_view type;   // "AdamW"
  OptimizerFactory create;
};

absl::Span<const OptimizerEntry> BuiltinOptimizers();

// A built-in one, or one that a host has added (may be nullptr: none). NOT_FOUND with the nearest
// known name.
absl::StatusOr<std::unique_ptr<Optimizer>> NewOptimizer(
    const ConfigNode& config, const PartTable<Optimizer>* added = nullptr);

}  // namespace tessera
