// ProgramCost: the work of a program at known sizes, by op, without planning or running it.
//
// Flops and bytes are those that ops declare (ir/op_def.h). Pure functions; thread-safe.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/types/span.h"
#include "cpp/ir/dim.h"
#include "cpp/ir/program.h"

namespace tessera {

struct OpWork {
  std::string op;
  int64_t uses = 0;    // per step
  double flops = 0;
  double bytes = 0;    // operands read and results written
};

struct ProgramCost {
  double flops = 0;
  double bytes = 0;
  std::vector<OpWork> ops;               // most flops first
  std::vector<int64_t> function_uses;    // per function of the program: scheduled calls of a step
  std::vector<double> function_flops;    // per function, of one call
};

// Of all actions of the schedule but refreshes: one step. `kinds`: of these only, empty for all.
// REQUIRES: functions of the program are flat.
ProgramCost CostOf(const Program& program, const SymbolSizes& sizes,
                   absl::Span<const ActionKind> kinds = {});

}  // namespace tessera
