// Guard: what every entry point of tessera.h runs in.
//
//   tsr_status* tsr_config_set(tsr_config* config, ...) {
//     return Guard([&](Call& call) -> absl::Status {
//       ASSIGN_OR_RETURN(auto object, call.Use(config, "config"));
//       ...
//     });
//   }
// No exception leaves it: no memory is RESOURCE_EXHAUSTED, anything else INTERNAL. An INTERNAL that
// is not the doing of a host's callback poisons the runtime of the handles that were used, and a
// poisoned runtime's handles are refused. Thread-safe; a Call belongs to one thread.
#pragma once

#include <memory>
#include <string_view>
#include <type_traits>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "capi/src/internal/handle.h"
#include "capi/src/internal/runtime_object.h"
#include "capi/src/internal/status.h"

namespace tessera::capi {

class Call {
 public:
  // The object of a handle. An Object that belongs to a runtime says so by a function
  // `const std::shared_ptr<RuntimeObject>& runtime() const`.
  template <typename Handle>
  absl::StatusOr<std::shared_ptr<typename Handle::Object>> Use(const Handle* handle,
                                                               std::string_view name) {
    auto object = UseEvenPoisoned(handle, name);
    if (object.ok() && runtime_ != nullptr) {
      absl::Status usable = runtime_->CheckUsable();
      if (!usable.ok()) return usable;
    }
    return object;
  }
  // For calls that report or clean up.
  template <typename Handle>
  absl::StatusOr<std::shared_ptr<typename Handle::Object>> UseEvenPoisoned(const Handle* handle,
                                                                           std::string_view name) {
    auto object = ObjectOf(handle, name);
    if (!object.ok()) return object;
    using Object = typename Handle::Object;
    if constexpr (std::is_same_v<Object, RuntimeObject>) {
      runtime_ = *object;
    } else if constexpr (requires { (*object)->runtime(); }) {
      runtime_ = (*object)->runtime();
    }
    return object;
  }

  const std::shared_ptr<RuntimeObject>& runtime() const { return runtime_; }

 private:
  std::shared_ptr<RuntimeObject> runtime_;
};

// What the exception that is being handled means. REQUIRES: called in a catch clause.
absl::Status StatusOfException() noexcept;
// Poisons the runtime (which may be null) when the status tells of a broken invariant of ours.
void PoisonWhenBroken(const absl::Status& status, RuntimeObject* runtime) noexcept;
// The handle for what a call ended with; poisons the runtime where that is due.
tsr_status* EndCall(const absl::Status& status, RuntimeObject* runtime) noexcept;

template <typename Body>
tsr_status* Guard(Body&& body) noexcept {
  Call call;
  try {
    const absl::Status status = std::forward<Body>(body)(call);
    return EndCall(status, call.runtime().get());
  } catch (...) {
    return EndCall(StatusOfException(), call.runtime().get());
  }
}

// The same for a function without status: what it returns, or `otherwise` after an exception.
template <typename Result, typename Body>
Result GuardValue(Result otherwise, Body&& body) noexcept {
  try {
    return std::forward<Body>(body)();
  } catch (...) {
    return otherwise;
  }
}

// For tsr_<noun>_free: lets go of the handle's reference, wherever that leads.
template <typename Handle>
void FreeHandle(Handle* handle) noexcept {
  try {
    TakeHandle(handle).reset();
  } catch (...) {
    // Destructors do not throw; nobody could be told.
    return;
  }
}

}  // namespace tessera::capi
