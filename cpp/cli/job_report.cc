#include "cpp/cli/job_report.h"

#include <cstdio>
#include <string>

#include "cpp/cli/signals.h"
#include "cpp/cli/terminal.h"
#include "cpp/cli/text.h"

namespace tessera::cli {

Error WaitForReport(const Job& job, const ProgressText& text, Json* report) {
  const StopSignal signal;
  ProgressBar bar;
  for (;;) {
    Error error = Error::Take(tsr_job_wait(job.get(), 0.05));
    if (error.code() != TSR_DEADLINE_EXCEEDED) {
      bar.Clear();
      if (error) return error;
      break;
    }
    if (signal.received() != 0) tsr_job_cancel(job.get());
    tsr_progress progress = {};
    progress.struct_size = sizeof(progress);
    CLI_RETURN_IF_ERROR(Error::Take(tsr_job_progress(job.get(), &progress)));
    if (progress.total_steps <= 0) continue;
    const std::string shown = text(progress.step, progress.total_steps);
    if (shown.empty()) continue;
    bar.Draw(static_cast<double>(progress.step) / static_cast<double>(progress.total_steps), shown);
  }
  std::string json;
  CLI_RETURN_IF_ERROR(CallText(&json, tsr_job_report, job.get()));
  if (!Json::Parse(json, report)) return Error("tsr_job_report: no JSON", TSR_INTERNAL);
  return Error();
}

Error WaitForExchange(std::string_view command, const Job& job, Json* report) {
  const auto bytes = [](int64_t step, int64_t total) {
    return ReadableBytes(static_cast<double>(step)) + " of " +
           ReadableBytes(static_cast<double>(total));
  };
  CLI_RETURN_IF_ERROR(WaitForReport(job, bytes, report));
  for (const Json& note : (*report)["notes"].items()) {
    std::fprintf(stderr, "tessera %.*s: note: %s\n", static_cast<int>(command.size()),
                 command.data(), note.AsText().c_str());
  }
  return Error();
}

}  // namespace tessera::cli
