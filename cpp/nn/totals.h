// Totals: what becomes in main of the sums over tokens that modules hand up.
//
// A module adds a statistic or a contribution to a buffer (nn/scope.h); its values travel up as
// outputs of their own kinds, whose names end in "#" and the number under which the function of
// their totals stands here. When main has been traced, Finish puts these functions into it: losses
// of totals over layers and ranks, and the next values of buffers. A serialised main so holds all
// of it, and no function of a module is needed to run it. One thread per tracer.
#pragma once

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "cpp/ir/function.h"
#include "cpp/ir/op_table.h"
#include "cpp/nn/scope.h"

namespace tessera {

class Totals {
 public:
  explicit Totals(const OpTable& ops) : ops_(ops) {}

  // Adds the outputs of a statistic to the function of the module at hand.
  absl::Status Add(const Statistic& statistic, Function& function);
  // Adds a contribution to the buffer `path` of the module at hand.
  absl::Status Add(std::string_view path, ValueId buffer, ValueId contribution,
                   const Scope::BufferUpdate& next, Function& function);

  // Replaces the handed-up outputs of `main` by losses and buffers.
  absl::Status Finish(Function& main) const;

 private:
  struct Loss {
    std::string name;
    Statistic::Scope scope;
    double weight;
    bool is_metric, per_layer;
    FunctionRef function;   // of the totals; yields numerator and denominator
  };

  absl::StatusOr<FunctionRef> LossFunction(const Statistic& statistic,
                                           const Function& function) const;
  absl::Status AddLoss(const Loss& loss, const std::string& name,
                       const std::vector<Values>& parts, Function& main) const;

  const OpTable& ops_;
  std::vector<Loss> losses_;
  std::vector<FunctionRef> updates_;
};

}  // namespace tessera
