// How the gradients of norms are cut: chunks of 64 rows, whose sums over rows are added in order.
//
// Phase 0 has one task a chunk: the gradient of its rows, and its part of each sum over rows, kept
// in the workspace as [chunk, sum, D]. Phase 1 adds the parts of a block of columns, chunk by
// chunk, so that the sum does not depend on threads. Thread-safe: pure functions.
#pragma once

#include <cstdint>

#include "kernels/cpu/internal/call.h"

namespace tessera::cpu {

inline constexpr int64_t kNormChunkRows = 64;
inline constexpr int64_t kNormColumns = 512;  // of one task of phase 1

struct NormShape {
  int64_t rows = 0;
  int64_t cols = 0;
  double epsilon = 0;
  double scale_offset = 0;
  int32_t sums = 1;  // over rows: dscale, and dbias where there is one

  int64_t chunks() const { return CeilDiv(rows, kNormChunkRows); }
  Range RowsOfChunk(int64_t chunk) const {
    return {chunk * kNormChunkRows, std::min(rows, (chunk + 1) * kNormChunkRows)};
  }
  // Where a chunk keeps its part of sum `which`.
  template <class S>
  S* Part(void* workspace, int64_t chunk, int which) const {
    return static_cast<S*>(workspace) + (chunk * sums + which) * cols;
  }
};

inline NormShape ReadNorm(const tsr_kernel_call* call, double epsilon) {
  const tsr_operand& x = call->inputs[0];
  NormShape shape;
  shape.rows = Rows(x);
  shape.cols = LastDim(x);
  shape.epsilon = FloatAttr(call, "epsilon", epsilon);
  shape.scale_offset = FloatAttr(call, "scale_offset", 0);
  return shape;
}

inline bool NormFits(const tsr_kernel_call* call, char* reason) {
  const tsr_operand& x = call->inputs[0];
  const tsr_operand& scale = call->inputs[1];
  if (x.rank >= 1 && scale.rank == 1 && scale.dims[0] == LastDim(x) && scale.dtype == x.dtype) {
    return true;
  }
  Decline(reason, "scale must have the dtype and the last dim of x");
  return false;
}

inline int32_t ReadyNormGrad(const tsr_kernel_call* call, tsr_kernel_plan* plan,
                             const NormShape& shape, tsr_kernel_run run, char* reason) {
  SetParams(plan, shape);
  const size_t bytes = TypeOf(call->inputs[0]) == DType::kF64 ? sizeof(double) : sizeof(float);
  return ReadyTwoPhases(plan, run, shape.chunks(), CeilDiv(shape.cols, kNormColumns),
                        static_cast<size_t>(shape.chunks() * shape.sums * shape.cols) * bytes,
                        reason);
}

// Phase 1: results 1 .. sums are the sums over rows.
template <class S>
void AddNormParts(const tsr_kernel_call* call, const NormShape& shape, int64_t task) {
  const int64_t begin = task * kNormColumns, end = std::min(shape.cols, begin + kNormColumns);
  for (int which = 0; which < shape.sums; ++which) {
    S* total = Out<S>(call, 1 + which);
    for (int64_t c = begin; c < end; ++c) total[c] = 0;
    for (int64_t chunk = 0; chunk < shape.chunks(); ++chunk) {
      const S* part = shape.Part<S>(call->workspace, chunk, which);
      for (int64_t c = begin; c < end; ++c) total[c] += part[c];
    }
  }
}

}  // namespace tessera::cpu
