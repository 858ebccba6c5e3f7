// OneThread: notices when a second thread enters an object that only one may use at a time.
//
// For handles with "Threads: one": the second caller gets FAILED_PRECONDITION instead of a race.
// Thread-safe.
#pragma once

#include <atomic>
#include <memory>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"

namespace tessera::capi {

class OneThread {
 public:
  // Leaves when it is destroyed.
  class Inside {
   public:
    explicit Inside(OneThread* owner) : owner_(owner) {}
    Inside(Inside&& other) noexcept : owner_(std::exchange(other.owner_, nullptr)) {}
    Inside& operator=(Inside&& other) noexcept {
      std::swap(owner_, other.owner_);
      return *this;
    }
    ~Inside() {
      if (owner_ != nullptr) owner_->is_inside_.store(false, std::memory_order_release);
    }

   private:
    OneThread* owner_;
  };

  absl::StatusOr<Inside> Enter(std::string_view what) {
    if (!is_inside_.exchange(true, std::memory_order_acquire)) return Inside(this);
    return absl::FailedPreconditionError(absl::StrCat(
        what, ": expected one thread at a time, got a call while another is inside"));
  }

 private:
  std::atomic<bool> is_inside_{false};
};

}  // namespace tessera::capi
