// Communicator between processes, over Gloo's TCP transport.
//
// Gloo moves the bytes between pairs of ranks. The collectives are ours, because they must give
// the same bits as the in-process ones and must end when a rank is gone: all-reduce sends share p
// of the elements to rank p, which adds them in rank order (reduce.h) and sends the sum back to
// all. The control channel (control_channel.h) finds the peers, watches them and ends what waits.
// Nothing is read from the environment: whoever starts the process maps it to the options.
#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "cpp/comm/control_channel.h"
#include "cpp/device/communicator.h"

namespace tessera {

struct GlooOptions {
  comm::ControlOptions control;
  // Address of this machine that the others connect to; empty: the one that leads to rank 0.
  std::string bind_address;
  // Compares name and size of every collective over the ranks before it starts, so that ranks
  // which disagree are named instead of mixing up each other's bytes. Costs a round trip.
  bool is_checked = false;
};

// Joins the group and connects to every rank; returns when that is done on this rank. Errors of
// ControlChannel::Join; Unavailable when a peer cannot be reached. Collectives return UNAVAILABLE
// naming the rank that died or hangs, ABORTED naming the one that called Abort, and the same for
// every call after that.
absl::StatusOr<std::unique_ptr<Communicator>> NewGlooCommunicator(const GlooOptions& options);

}  // namespace tessera
