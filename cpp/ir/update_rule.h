// UpdateRule: how one parameter moves, given its gradient: what an optimizer is to the compiler.
//
// Optimizers (optim/) implement it; the compiler turns it into one function per parameter type.
// Implementations are immutable and may be shared by threads.
#pragma once

#include <string>
#include <vector>

#include "cpp/ir/graph.h"
#include "cpp/ir/program.h"

namespace tessera {

struct UpdateValues {
  ValueId param = kNoValue;      // master value, [dims]
  ValueId gradient = kNoValue;   // same dims
  std::vector<ValueId> slots;    // as SlotNames
  ValueId learning_rate = kNoValue;  // f32 scalars; the step counts from 1
  ValueId step = kNoValue;
  ValueId clip = kNoValue;       // factor on the gradient, 1 when nothing is clipped
};

class UpdateRule {
 public:
  virtual ~UpdateRule() = default;
  // Names of the state kept per parameter, such as {"m", "v"}: each like the parameter, zero at
  // first.
  virtual std::vector<std::string> SlotNames(const ProgramParam& param) const = 0;
  // Emits the update; returns the new parameter, then the new slots in order.
  virtual absl::StatusOr<std::vector<ValueId>> Build(Graph& graph, const ProgramParam& param,
                                                     const UpdateValues& values) const = 0;
  // Parameters with equal keys, dims and dtypes share one function. Must name all settings used.
  virtual std::string Key(const ProgramParam& param) const = 0;
};

}  // namespace tessera
