// Functions of tessera.h about jobs.
#include "capi/src/internal/job_object.h"

#include <cmath>

#include "absl/strings/str_cat.h"
#include "capi/src/internal/arguments.h"
#include "capi/src/internal/guard.h"
#include "capi/src/internal/host_callback.h"
#include "cpp/base/status_macros.h"

using tessera::capi::Call;
using tessera::capi::Guard;

tsr_status* tsr_job_wait(tsr_job* job, double timeout_s) {
  return Guard([&](Call& call) -> absl::Status {
    ASSIGN_OR_RETURN(const auto object, call.UseEvenPoisoned(job, "job"));
    if (std::isnan(timeout_s)) {
      return absl::InvalidArgumentError("timeout_s: expected seconds, got not a number");
    }
    return object->state().Wait(timeout_s);
  });
}

tsr_status* tsr_job_progress(tsr_job* job, tsr_progress* out_progress) {
  return Guard([&](Call& call) -> absl::Status {
    ASSIGN_OR_RETURN(const auto object, call.UseEvenPoisoned(job, "job"));
    RETURN_IF_ERROR(
        tessera::capi::CheckStructOut(out_progress, sizeof(tsr_progress), "out_progress"));
    tessera::capi::GiveStruct(object->state().Progress(), out_progress);
    return absl::OkStatus();
  });
}

tsr_status* tsr_job_report(tsr_job* job, char** out_text, size_t* out_len) {
  return Guard([&](Call& call) -> absl::Status {
    RETURN_IF_ERROR(tessera::capi::CheckTextOut(out_text, out_len));
    ASSIGN_OR_RETURN(const auto object, call.UseEvenPoisoned(job, "job"));
    ASSIGN_OR_RETURN(const std::string report, object->state().Report());
    return tessera::capi::GiveText(report, out_text, out_len);
  });
}

tsr_status* tsr_job_on_end(tsr_job* job, tsr_job_end callback, void* user,
                           void (*destroy)(void* user)) {
  return Guard([&](Call& call) -> absl::Status {
    // From here on `destroy` is called, however this ends.
    const auto kept = std::make_shared<const tessera::capi::HostCallback>(user, destroy);
    ASSIGN_OR_RETURN(const auto object, call.UseEvenPoisoned(job, "job"));
    RETURN_IF_ERROR(
        tessera::capi::CheckPointer(reinterpret_cast<const void*>(callback), "callback"));
    object->state().OnEnd([callback, kept] {
      // One that throws though it must not: nobody could be told.
      tessera::capi::GuardValue(false, [&] {
        callback(kept->user());
        return true;
      });
    });
    return absl::OkStatus();
  });
}

void tsr_job_cancel(tsr_job* job) {
  tessera::capi::GuardValue(false, [&] {
    const auto object = tessera::capi::ObjectOf(job, "job");
    if (object.ok()) (*object)->state().Cancel();
    return object.ok();
  });
}

void tsr_job_free(tsr_job* job) {
  tessera::capi::GuardValue(false, [&] {
    const auto object = tessera::capi::TakeHandle(job);
    if (object == nullptr) return false;
    // Others may still hold the object, in tsr_job_wait; the job ends all the same.
    object->state().Cancel();
    object->state().WaitForEnd();
    return true;
  });
}
