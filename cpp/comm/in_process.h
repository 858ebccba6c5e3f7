// In-process communicators: the ranks of a group are threads of one process.
//
// They make every parallel test cheap and have the results of the transports between processes,
// bit for bit. A rank that calls another collective than the others, or with another size, is
// found and named. Not for use between processes (gloo.h).
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "cpp/device/communicator.h"

namespace tessera {

struct InProcessOptions {
  // How long a rank waits in a collective for the others before it names who is missing.
  int64_t timeout_ms = 300'000;
};

// One communicator for each rank of a new group; each may be used by another thread and
// destroyed in any order. Destroying one means that the rank has left: collectives that need it
// return UNAVAILABLE. REQUIRES: size >= 1.
std::vector<std::unique_ptr<Communicator>> NewInProcessGroup(
    int size, const InProcessOptions& options = {});

}  // namespace tessera
