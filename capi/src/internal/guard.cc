#include "capi/src/internal/guard.h"

#include <exception>
#include <new>
#include <stdexcept>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace tessera::capi {
namespace {

// How RET_CHECK begins what it says (base/status_macros.h).
constexpr std::string_view kBrokenInvariant = "broken invariant: ";

absl::Status FromException(const char* text) {
  return absl::InternalError(
      absl::StrCat(kBrokenInvariant, "an exception came as far as the interface: ", text));
}

}  // namespace

absl::Status StatusOfException() noexcept {
  try {
    try {
      std::rethrow_exception(std::current_exception());
    } catch (const std::bad_alloc&) {
      return absl::ResourceExhaustedError(kNoMemoryMessage);
    } catch (const std::length_error& error) {
      return absl::ResourceExhaustedError(
          absl::StrCat("memory: expected a length that it can hold, got more: ", error.what()));
    } catch (const std::exception& error) {
      return FromException(error.what());
    } catch (...) {
      return FromException("of an unknown type");
    }
  } catch (...) {
    // Not even the message found room. A status without one needs no memory.
    return absl::Status(absl::StatusCode::kResourceExhausted, "");
  }
}

void PoisonWhenBroken(const absl::Status& status, RuntimeObject* runtime) noexcept {
  try {
    if (runtime != nullptr && absl::IsInternal(status) && !IsHosts(status) &&
        absl::StrContains(status.message(), kBrokenInvariant)) {
      runtime->Poison(status.message());
    }
  } catch (...) {
    // No memory for the reason. The status itself still tells the caller.
    return;
  }
}

tsr_status* EndCall(const absl::Status& status, RuntimeObject* runtime) noexcept {
  PoisonWhenBroken(status, runtime);
  return NewStatus(status);
}

}  // namespace tessera::capi
