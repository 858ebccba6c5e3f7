// The best rate of floating-point operations that this machine reaches with its matmul kernel,
// measured: what `mfu` in metrics is a share of.
//
// A few tens of milliseconds on the environment's threads. Neighbours on a shared machine move it.
#pragma once

#include "absl/status/statusor.h"
#include "cpp/generate/environment.h"
#include "cpp/tensor/dtype.h"

namespace tessera {

// Flops per second of a square matmul of `dtype`, the best of several rounds.
absl::StatusOr<double> MeasurePeakFlops(const Environment& environment, DType dtype);

}  // namespace tessera
