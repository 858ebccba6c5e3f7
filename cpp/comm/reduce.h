// The arithmetic of all-reduce: values of several ranks combined in rank order.
//
// Shared by the transports, so that all give the same bits. fp32 and bf16 add in fp32, fp64 in
// fp64; bf16 is rounded once, at the end. A NaN wins every maximum. Pure functions.
#pragma once

#include <cstdint>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "cpp/device/communicator.h"
#include "cpp/tensor/dtype.h"

namespace tessera {

// InvalidArgument, naming the dtype, unless it is f64, f32, bf16, i64 or i32.
absl::Status CheckReducible(DType dtype);

// Combines element i of inputs[0], inputs[1], ... in this order and writes the result to element
// i of every output; outputs may be the inputs. REQUIRES: CheckReducible(dtype) is ok, at least
// one input, `count` elements behind every pointer.
void ReduceInOrder(absl::Span<const void* const> inputs, absl::Span<void* const> outputs,
                   int64_t count, DType dtype, ReduceOp op);

// Elements [begin, end) of `count` that rank `part` of `parts` combines.
struct Share {
  int64_t begin = 0;
  int64_t end = 0;
};
constexpr Share ShareOf(int64_t count, int64_t part, int64_t parts) {
  const int64_t whole = count / parts;
  const int64_t rest = count % parts;
  const int64_t begin = whole * part + (part < rest ? part : rest);
  return {begin, begin + whole + (part < rest ? 1 : 0)};
}

}  // namespace tessera
