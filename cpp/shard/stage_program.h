// ProgramOfStage: what is left of a program when it runs a table of its own. Used by pipeline.cc.
#pragma once

#include <memory>
#include <vector>

#include "absl/status/statusor.h"
#include "cpp/ir/program.h"

namespace tessera {

// Per entry of the whole program: whether the stage has it.
struct StageKeeps {
  std::vector<bool> params, sums, sum_is_whole, results, norms;
};

// Functions, calls and slots that `table` (in indexes of `whole`) does not use are dropped, so
// that a stage plans and holds its own part only. UNIMPLEMENTED: a sum with one half elsewhere.
absl::StatusOr<std::shared_ptr<const Program>> ProgramOfStage(const Program& whole,
                                                              std::vector<Action> table,
                                                              const StageKeeps& keeps);

}  // namespace tessera
