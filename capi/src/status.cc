// Functions of tessera.h about statuses. Those that take one accept NULL, which means success.
#include "capi/src/internal/status.h"

#include "absl/strings/str_cat.h"
#include "capi/src/internal/arguments.h"
#include "capi/src/internal/guard.h"
#include "cpp/base/text.h"

namespace {

using tessera::capi::GuardValue;
using tessera::capi::StatusObject;

using tessera::capi::OutOfMemoryStatus;

// What `read` finds in the status; `otherwise` for NULL, and for what is no live status. The texts
// live in the object, which the handle holds.
template <typename Result, typename Read>
Result ReadStatus(const tsr_status* status, Result otherwise, Read read) {
  if (status == nullptr || status == OutOfMemoryStatus()) return otherwise;
  return GuardValue(otherwise, [&] {
    const auto object = tessera::capi::ObjectOf(status, "status");
    return object.ok() ? read(**object) : otherwise;
  });
}

}  // namespace

tsr_status* tsr_status_new(tsr_code code, const char* message, size_t message_len) {
  return tessera::capi::Guard([&](tessera::capi::Call&) -> absl::Status {
    const auto bytes = tessera::capi::ReadBytes(message, message_len, "message");
    if (!bytes.ok()) return bytes.status();
    const auto number = static_cast<int64_t>(code);
    if (number < 1 || number > 16) {
      return absl::UnknownError(absl::StrCat(*bytes, " (status code: expected 1 to 16, got ",
                                             number, ")"));
    }
    return absl::Status(static_cast<absl::StatusCode>(number), *bytes);
  });
}

void tsr_status_free(tsr_status* status) {
  if (status == nullptr || status == OutOfMemoryStatus()) return;
  tessera::capi::FreeHandle(status);
}

tsr_code tsr_status_code(const tsr_status* status) {
  if (status == nullptr) return TSR_OK;
  if (status == OutOfMemoryStatus()) return TSR_RESOURCE_EXHAUSTED;
  return ReadStatus(status, TSR_INVALID_ARGUMENT,
                    [](const StatusObject& object) { return static_cast<tsr_code>(object.code); });
}

const char* tsr_status_message(const tsr_status* status) {
  if (status == OutOfMemoryStatus()) return tessera::capi::kNoMemoryMessage;
  return ReadStatus(status, "", [](const StatusObject& object) { return object.message.c_str(); });
}

const char* tsr_status_path(const tsr_status* status) {
  return ReadStatus(status, "", [](const StatusObject& object) { return object.path.c_str(); });
}

const char* tsr_status_file(const tsr_status* status) {
  return ReadStatus(status, "", [](const StatusObject& object) { return object.file.c_str(); });
}

int32_t tsr_status_line(const tsr_status* status) {
  return ReadStatus(status, 0, [](const StatusObject& object) { return object.line; });
}

int32_t tsr_status_rank(const tsr_status* status) {
  return ReadStatus(status, -1, [](const StatusObject& object) { return object.rank; });
}

int32_t tsr_status_retryable(const tsr_status* status) {
  return ReadStatus(status, 0, [](const StatusObject& object) {
    return object.code == absl::StatusCode::kUnavailable ||
                   object.code == absl::StatusCode::kAborted
               ? 1
               : 0;
  });
}

const char* tsr_status_payload(const tsr_status* status) {
  return ReadStatus(status, "{}",
                    [](const StatusObject& object) { return object.payload.c_str(); });
}
