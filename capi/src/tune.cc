// tsr_config_tune: what makes the kernels of a config's step faster on this machine.
#include <string>

#include "cpp/train/tune.h"

#include "capi/src/internal/arguments.h"
#include "capi/src/internal/guard.h"
#include "capi/src/internal/job_object.h"
#include "capi/src/internal/objects.h"
#include "capi/src/internal/options.h"
#include "cpp/base/status_macros.h"

namespace {

constexpr int64_t kMostTimed = 1 << 20;
constexpr double kMostBudgetS = 1e7;

}  // namespace

tsr_status* tsr_config_tune(const tsr_config* config, const char* options, size_t options_len,
                            tsr_job** out_job) {
  using tessera::capi::Call;
  using tessera::capi::JobObject;
  using tessera::capi::JobState;
  return tessera::capi::Guard([&](Call& call) -> absl::Status {
    RETURN_IF_ERROR(tessera::capi::CheckPointer(out_job, "out_job"));
    ASSIGN_OR_RETURN(const auto object, call.Use(config, "config"));
    ASSIGN_OR_RETURN(const std::string_view text,
                     tessera::capi::ReadText(options, options_len, "options"));
    tessera::TuneConfigOptions tune;
    tessera::capi::OptionReader reader(text, "options");
    reader.Float("budget_s", 0, kMostBudgetS, &tune.budget_s);
    reader.Bool("exhaustive", &tune.exhaustive);
    reader.Int("most_timed", 1, kMostTimed, &tune.most_timed);
    reader.Text("out", &tune.out);
    RETURN_IF_ERROR(reader.Finish());
    auto state = std::make_shared<JobState>();
    const auto runtime = object->runtime();
    ASSIGN_OR_RETURN(
        auto job, JobObject::Start(runtime, state, [=, config = object->Get()]() -> absl::Status {
          ASSIGN_OR_RETURN(
              std::string report,
              tessera::TuneConfig(config, runtime->environment(), tune,
                                  [state](int64_t done, int64_t total) -> absl::Status {
                                    state->SetProgress(done, total);
                                    if (!state->is_cancelled()) return absl::OkStatus();
                                    return absl::CancelledError("cancelled; nothing was written");
                                  }));
          state->SetReport(std::move(report));
          return absl::OkStatus();
        }));
    *out_job = tessera::capi::NewHandle<tsr_job>(std::move(job));
    return absl::OkStatus();
  });
}
