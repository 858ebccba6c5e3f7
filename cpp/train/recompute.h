// What a training step computes again instead of keeping: the policy of the config, its exceptions
// by path, and, under a memory budget, as little more as fits.
//
// Under a budget the segments that no rule names climb a ladder together with their order: all as
// the config says; the first one selective, the first two, ..., all; the first one full, ..., all.
// It is searched by halves, each try a compile and a plan without memory. All choices give the same
// bits.
#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "cpp/compile/compiler.h"
#include "cpp/exec/executor.h"
#include "cpp/generate/environment.h"
#include "cpp/train/run_settings.h"

namespace tessera {

struct StepProgram {
  std::shared_ptr<const Program> program;
  // What the budget asked for, for people: "selective in 5 of 14 segments"; "" without one.
  std::string recompute;
};

// `options` as of RunSettings::ForStep. INVALID_ARGUMENT: a rule that no segment uses, an op that
// does not exist; RESOURCE_EXHAUSTED: the budget is too small for any choice, with what is needed.
absl::StatusOr<StepProgram> CompileStepProgram(const Function& main, const RunSettings& settings,
                                               const Environment& environment,
                                               const CompileOptions& options);

}  // namespace tessera
