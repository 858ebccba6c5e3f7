// The calls of a program whose kernels have knobs, each once, with how often a step makes them.
//
// Pure; what it gives points into the program.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "cpp/exec/executor.h"
#include "cpp/exec/kernel_choice.h"

namespace tessera {

struct TunableCall {
  std::unique_ptr<PreparedKernel> kernel;   // prepared as `kernels` says
  std::string text;                         // TuningText
  int64_t uses = 0;                         // in one run of the schedule
  double flops = 0;                         // of one use
};

// In the order of the schedule. Errors as Executor::PlanOnly. REQUIRES: `program` outlives them.
absl::StatusOr<std::vector<TunableCall>> FindTunableCalls(const Program& program,
                                                          const KernelTable& kernels,
                                                          const ExecutorOptions& options);

}  // namespace tessera
