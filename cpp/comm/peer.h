// What both transports ask of the other end of a message.
#pragma once

#include <string_view>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace tessera {

// INVALID_ARGUMENT unless `peer` is another rank of the group.
inline absl::Status CheckPeer(std::string_view call, int peer, int rank, int size) {
  if (peer >= 0 && peer < size && peer != rank) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(call, ": peer: expected a rank from 0 to ",
                                                 size - 1, " other than ", rank, ", got ", peer));
}

}  // namespace tessera
