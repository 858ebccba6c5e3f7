// Tiles of sum_of_squares: how the sum is cut, and how the tiles are added. Thread-safe.
#pragma once

#include <cstdint>

#include "kernels/cpu/internal/call.h"

namespace tessera::cpu {

inline constexpr int64_t kSquaresTile = 4096;
static_assert(kTaskElements % kSquaresTile == 0);

// Phase 0 writes one fp64 sum a tile into the workspace, phase 1 is AddSquares.
inline int32_t ReadySquares(const tsr_kernel_call* call, tsr_kernel_plan* plan, tsr_kernel_run run,
                            char* reason) {
  if (!HasOperands(call, 1, 1, reason)) return 1;
  const int64_t count = Count(call->inputs[0]);
  return ReadyTwoPhases(plan, run, ElementTasks(count), 1,
                        static_cast<size_t>(CeilDiv(count, kSquaresTile)) * sizeof(double),
                        reason);
}

// The tiles in order.
inline void AddSquares(const tsr_kernel_call* call) {
  const double* tiles = static_cast<const double*>(call->workspace);
  double sum = 0;
  const int64_t count = CeilDiv(Count(call->inputs[0]), kSquaresTile);
  for (int64_t tile = 0; tile < count; ++tile) sum += tiles[tile];
  if (TypeOf(call->outputs[0]) == DType::kF64) {
    *Out<double>(call, 0) = sum;
  } else {
    *Out<float>(call, 0) = static_cast<float>(sum);
  }
}

}  // namespace tessera::cpu
