// ListingObject: where a host's checkpoint store puts the objects that it finds during one call of
// its callback. One thread.
#pragma once

#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "capi/src/internal/handle.h"
#include "cpp/ckpt/object_store.h"

namespace tessera::capi {

class ListingObject {
 public:
  explicit ListingObject(std::string prefix) : prefix_(std::move(prefix)) {}

  // INVALID_ARGUMENT for a name that does not begin with the prefix or is there already, and for a
  // negative number. After the first error all calls give that one.
  absl::Status Add(std::string_view name, int64_t bytes);

  const absl::Status& status() const { return status_; }
  std::vector<StoredObject> TakeObjects() { return std::move(objects_); }

 private:
  const std::string prefix_;
  std::vector<StoredObject> objects_;
  std::set<std::string, std::less<>> names_;
  absl::Status status_;
};

}  // namespace tessera::capi

struct tsr_listing
    : tessera::capi::ShellOf<tessera::capi::ListingObject, tessera::capi::HandleKind::kListing> {};
