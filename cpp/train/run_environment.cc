#include "cpp/train/run_environment.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "cpp/base/status_macros.h"
#include "cpp/exec/kernel_choice.h"
#include "cpp/train/tuning_file.h"
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

constexpr std::string_view kNoTuning = "none";

// Takes up the tuning file that `path` names; empty: the one that ships.
absl::Status TakeTuning(const std::string& path, RunEnvironment& run) {
  Environment& environment = run.environment;
  if (path == kNoTuning || environment.kernels == nullptr) return absl::OkStatus();
  const std::string source = path.empty() ? "the tuning that ships" : path;
  if (environment.cpu.empty()) {
    if (!path.empty()) {
      run.tuning_note = absl::StrCat(source, ": not used, this processor's model is not known");
    }
    return absl::OkStatus();
  }
  const absl::StatusOr<std::vector<TunedEntry>> entries =
      path.empty() ? ParseTuning(ShippedTuning(), source) : LoadTuning(path);
  if (absl::IsNotFound(entries.status())) {
    run.tuning_note = absl::StrCat(source, ": not there; kernels take their own values");
    return absl::OkStatus();
  }
  if (!entries.ok()) {
    return absl::Status(entries.status().code(), absl::StrCat("runtime.tuning: ",
                                                              entries.status().message()));
  }
  const TuningMachine machine = {
      environment.cpu, IsaName(environment.isa),
      environment.pool == nullptr ? 1 : environment.pool->threads()};
  ChosenTuning chosen = ChooseTuning(*entries, machine, *environment.kernels, source);
  if (!path.empty()) run.tuning_note = std::move(chosen.note);
  if (chosen.table->size() == 0) return absl::OkStatus();
  run.kernels = std::make_unique<const KernelTable>(*environment.kernels, chosen.table);
  environment.kernels = run.kernels.get();
  return absl::OkStatus();
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
  RETURN_IF_ERROR(TakeTuning(runtime.tuning, run));
  return run;
}

}  // namespace tessera
