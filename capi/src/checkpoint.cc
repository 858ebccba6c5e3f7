// Functions of tessera.h about checkpoints.
#include <string>

#include "absl/strings/str_cat.h"
#include "capi/src/internal/arguments.h"
#include "capi/src/internal/guard.h"
#include "capi/src/internal/inspection.h"
#include "capi/src/internal/job_object.h"
#include "capi/src/internal/options.h"
#include "capi/src/internal/runtime_object.h"
#include "cpp/base/status_macros.h"
#include "cpp/config/value.h"
#include "cpp/train/model_exchange.h"

namespace {

using tessera::capi::Call;
using tessera::capi::Guard;

std::string ReportJson(const tessera::ExchangeReport& report) {
  std::string text = absl::StrCat("{\"family\": ", tessera::JsonQuoted(report.family),
                                  ", \"tensors\": ", report.tensor_count,
                                  ", \"bytes\": ", report.bytes, ", \"notes\": [");
  const char* comma = "";
  for (const std::string& note : report.notes) {
    absl::StrAppend(&text, comma, tessera::JsonQuoted(note));
    comma = ", ";
  }
  return absl::StrCat(text, "]}");
}

// Does `work` as a job; its progress can be watched, and cancelling stops it.
absl::Status StartExchange(
    std::shared_ptr<tessera::capi::RuntimeObject> runtime,
    std::function<absl::StatusOr<tessera::ExchangeReport>(const tessera::ExchangeProgress&)> work,
    tsr_job** out_job) {
  auto state = std::make_shared<tessera::capi::JobState>();
  ASSIGN_OR_RETURN(auto job, tessera::capi::JobObject::Start(
      std::move(runtime), state, [state, work = std::move(work)]() -> absl::Status {
        ASSIGN_OR_RETURN(const tessera::ExchangeReport report,
                         work([state](int64_t done, int64_t total) -> absl::Status {
                           state->SetProgress(done, total);
                           if (!state->is_cancelled()) return absl::OkStatus();
                           return absl::CancelledError("cancelled; nothing was left behind");
                         }));
        state->SetProgress(report.bytes, report.bytes);
        state->SetReport(ReportJson(report));
        return absl::OkStatus();
      }));
  *out_job = tessera::capi::NewHandle<tsr_job>(std::move(job));
  return absl::OkStatus();
}

}  // namespace

tsr_status* tsr_checkpoint_import(tsr_runtime* runtime, const char* source, size_t source_len,
                                  const char* path, size_t path_len, tsr_job** out_job) {
  return Guard([&](Call& call) -> absl::Status {
    ASSIGN_OR_RETURN(const auto object, call.Use(runtime, "runtime"));
    RETURN_IF_ERROR(tessera::capi::CheckPointer(out_job, "out_job"));
    ASSIGN_OR_RETURN(const std::string from,
                     tessera::capi::ReadPath(source, source_len, "source"));
    ASSIGN_OR_RETURN(const std::string to, tessera::capi::ReadPath(path, path_len, "path"));
    return StartExchange(
        object,
        [object, from, to](const tessera::ExchangeProgress& progress) {
          return tessera::ImportModel(from, to, object->schemas(), object->environment(),
                                      progress);
        },
        out_job);
  });
}

tsr_status* tsr_checkpoint_export(tsr_runtime* runtime, const char* path, size_t path_len,
                                  const char* folder, size_t folder_len, const char* options,
                                  size_t options_len, tsr_job** out_job) {
  return Guard([&](Call& call) -> absl::Status {
    ASSIGN_OR_RETURN(const auto object, call.Use(runtime, "runtime"));
    RETURN_IF_ERROR(tessera::capi::CheckPointer(out_job, "out_job"));
    ASSIGN_OR_RETURN(const std::string from, tessera::capi::ReadPath(path, path_len, "path"));
    ASSIGN_OR_RETURN(const std::string to, tessera::capi::ReadPath(folder, folder_len, "folder"));
    ASSIGN_OR_RETURN(const std::string_view text,
                     tessera::capi::ReadText(options, options_len, "options"));
    std::string family;
    int64_t max_file_bytes = int64_t{5} << 30;
    tessera::capi::OptionReader reader(text, "options");
    reader.Text("family", &family);
    reader.Int("max_file_bytes", 1, INT64_MAX, &max_file_bytes);
    RETURN_IF_ERROR(reader.Finish());
    return StartExchange(
        object,
        [object, from, to, family, max_file_bytes](const tessera::ExchangeProgress& progress) {
          return tessera::ExportModel(from, to, family, max_file_bytes, object->schemas(),
                                      object->environment(), progress);
        },
        out_job);
  });
}

tsr_status* tsr_checkpoint_inspect(const char* path, size_t path_len, int32_t verify,
                                   char** out_text, size_t* out_len) {
  return Guard([&](Call&) -> absl::Status {
    RETURN_IF_ERROR(tessera::capi::CheckTextOut(out_text, out_len));
    ASSIGN_OR_RETURN(const std::string folder, tessera::capi::ReadPath(path, path_len, "path"));
    ASSIGN_OR_RETURN(const std::string json,
                     tessera::capi::Inspect(nullptr, folder, verify != 0));
    return tessera::capi::GiveText(json, out_text, out_len);
  });
}
