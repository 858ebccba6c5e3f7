#include "cpp/train/run_environment.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "cpp/base/status_macros.h"
#include "cpp/exec/kernel_choice.h"
#include "gen/config/runtime.h"

namespace tessera {
namespace {

absl::StatusOr<int> IsaFromName(std::string_view name) {
  std::string known;
  for (int isa = TSR_ISA_REFERENCE; isa <= TSR_ISA_AMX; ++isa) {
    if (name == IsaName(isa)) return isa;
    absl::StrAppend(&known, isa == TSR_ISA_REFERENCE ? "" : ", ", IsaName(isa));
  }
  return absl::InvalidArgumentError(
      absl::StrCat("runtime.isa: expected one of ", known, ", got '", name, "'"));
}

}  // namespace

absl::StatusOr<RunEnvironment> NarrowEnvironment(const Config& config,
                                                 const Environment& environment) {
  RunEnvironment run;
  run.environment = environment;
  const ConfigNode* node = config.Section("runtime");
  if (node == nullptr) return run;  // a model without a run around it
  ASSIGN_OR_RETURN(const RuntimeConfig runtime, ReadRuntimeConfig(*node));
  if (runtime.device != "cpu") {
    return absl::FailedPreconditionError(
        absl::StrCat("runtime.device: expected cpu, got '", runtime.device,
                     "': this build has no other backend"));
  }
  if (!runtime.isa.empty()) {
    ASSIGN_OR_RETURN(const int isa, IsaFromName(runtime.isa));
    run.environment.isa = std::min(isa, environment.isa);
  }
  const int threads = static_cast<int>(runtime.threads);
  const bool fits = environment.pool != nullptr && environment.pool->threads() == threads;
  if (threads > 0 && !fits) {
    run.pool = std::make_unique<ThreadPool>(
        ThreadPoolOptions{.threads = threads, .spin_us = runtime.spin_us});
    run.environment.pool = run.pool.get();
  }
  return run;
}

}  // namespace tessera
