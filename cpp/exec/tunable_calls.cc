#include "cpp/exec/tunable_calls.h"

#include <map>

#include "absl/strings/str_cat.h"
#include "cpp/base/status_macros.h"
#include "cpp/exec/executor_state.h"

namespace tessera {

absl::StatusOr<std::vector<TunableCall>> FindTunableCalls(const Program& program,
                                                          const KernelTable& kernels,
                                                          const ExecutorOptions& options) {
  ASSIGN_OR_RETURN(ProgramPlan plan, ProgramPlan::Make(program, kernels, options));
  std::vector<int64_t> runs(plan.functions.size(), 0);
  std::vector<int> order;
  for (const Action& action : program.schedule) {
    if (action.call < 0) continue;
    const int function = plan.call_functions[action.call];
    if (runs[function]++ == 0) order.push_back(function);
  }
  std::vector<TunableCall> found;
  std::map<std::string, size_t> known;
  for (const int function : order) {
    for (PlannedKernel& planned : plan.functions[function]->kernels()) {
      if (!ExploreKernel(*planned.kernel, nullptr, nullptr).ok()) continue;
      const std::string text = TuningText(planned.kernel->call);
      const auto [it, is_new] = known.try_emplace(
          absl::StrCat(planned.kernel->def.name, " ", text), found.size());
      if (is_new) found.push_back({std::move(planned.kernel), text, 0, planned.flops});
      found[it->second].uses += runs[function];
    }
  }
  return found;
}

}  // namespace tessera
