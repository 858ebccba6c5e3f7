// Communicator: collectives among the ranks of one group.
//
// Every rank calls the same collectives in the same order. Reductions add in rank order
// (rank 0 first), in the dtype's accumulator (fp32 for fp32 and bf16, fp64 for fp64), so results
// are the same bits on every rank and in every run. A call never hangs for ever: when a rank dies,
// hangs beyond the time limit or calls Abort, the others return UNAVAILABLE (or ABORTED) with a
// message that names the rank. Launching and meeting are the implementation's (comm/).
// One thread at a time may use a Communicator.
#pragma once

#include <cstdint>
#include <string_view>

#include "absl/status/status.h"
#include "cpp/tensor/dtype.h"

namespace tessera {

enum class ReduceOp { kSum, kMax };

class Communicator {
 public:
  virtual ~Communicator() = default;
  virtual int rank() const = 0;
  virtual int size() const = 0;
  // In place over `count` elements (f64, f32, bf16, i64, i32). count 0 is allowed.
  virtual absl::Status AllReduce(void* data, int64_t count, DType dtype, ReduceOp op) = 0;
  virtual absl::Status Broadcast(void* data, int64_t bytes, int root) = 0;
  // `output` takes size() blocks of `bytes`, in rank order.
  virtual absl::Status AllGather(const void* input, int64_t bytes, void* output) = 0;
  virtual absl::Status Barrier() = 0;
  // From one rank to one other, beside the collectives and in no order with them. Send copies and
  // returns; a Receive waits for the message of that rank and tag, in the order in which they
  // were sent. INVALID_ARGUMENT: no such rank, oneself, or a message of another size.
  virtual absl::Status Send(const void* data, int64_t bytes, int to, int tag) = 0;
  virtual absl::Status Receive(void* data, int64_t bytes, int from, int tag) = 0;
  // Tells every rank to stop; their pending and later calls return ABORTED with the text.
  virtual void Abort(std::string_view reason) = 0;
};

}  // namespace tessera
