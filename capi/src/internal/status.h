// Statuses across the C interface: from absl::Status to tsr_status and back.
//
// What a tsr_status says beyond code and message is carried in payloads of the absl::Status, so
// that it survives the way through the layers. Thread-safe: functions of their arguments.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "capi/src/internal/handle.h"

namespace tessera::capi {

struct StatusObject {
  absl::StatusCode code = absl::StatusCode::kUnknown;
  std::string message, path, file, payload = "{}";
  int32_t line = 0;
  int32_t rank = -1;
};

// NULL for an OK status. Never throws: without memory it is a status that needs none.
tsr_status* NewStatus(const absl::Status& status) noexcept;
inline constexpr char kNoMemoryMessage[] = "memory: expected some more, got none";
// The status that says that there is no memory; freeing it does nothing and it needs none.
tsr_status* OutOfMemoryStatus() noexcept;

// What a callback of the host returned, which is freed here. OK for NULL. Such a status is marked:
// INTERNAL of a host's callback is no broken invariant of ours.
absl::Status TakeHostStatus(tsr_status* status);
// Marks a status as the doing of a host's callback.
absl::Status MarkAsHost(absl::Status status);
bool IsHosts(const absl::Status& status);

// The status with a detail that the getters of tsr_status show. OK statuses stay as they are.
absl::Status WithPath(absl::Status status, std::string_view path);
absl::Status WithFile(absl::Status status, std::string_view file);
absl::Status WithRank(absl::Status status, int rank);
// `json` is an object.
absl::Status WithPayload(absl::Status status, std::string_view json);

}  // namespace tessera::capi

struct tsr_status
    : tessera::capi::ShellOf<tessera::capi::StatusObject, tessera::capi::HandleKind::kStatus> {};
