// BroadcastWalk: the runs of a broadcast elementwise op, NumPy's rule from the right.
//
// Output elements are visited in order as runs along the innermost dim, where each operand either
// moves along (stride 1) or stands still (stride 0). Dims that behave alike are merged, so that
// operands of equal dims are one single run. Knows no ops and no dtypes. Built on the stack of a
// task; thread-safe.
#pragma once

#include <algorithm>
#include <cstdint>

#include "kernels/cpu/internal/call.h"

namespace tessera::cpu {

template <int N>
struct BroadcastWalk {
  int rank = 0;
  int64_t dims[TSR_MAX_DIMS] = {};
  int64_t strides[TSR_MAX_DIMS][N] = {};

  explicit BroadcastWalk(const tsr_kernel_call* call) {
    const tsr_operand& out = call->outputs[0];
    for (int d = 0; d < out.rank; ++d) {
      if (out.dims[d] == 1) continue;
      dims[rank] = out.dims[d];
      for (int i = 0; i < N; ++i) strides[rank][i] = StrideOf(call->inputs[i], d - out.rank);
      if (rank > 0 && Continues(rank - 1, rank)) {
        dims[rank - 1] *= dims[rank];
        std::copy_n(strides[rank], N, strides[rank - 1]);
      } else {
        ++rank;
      }
    }
    if (rank == 0) dims[rank++] = 1;
  }

  // Stride of an operand along a dim counted from the end (-1 is the last).
  static int64_t StrideOf(const tsr_operand& in, int from_end) {
    const int d = in.rank + from_end;
    if (d < 0 || in.dims[d] == 1) return 0;
    return CountDims(in, d + 1, in.rank);
  }

  bool Continues(int outer, int inner) const {
    for (int i = 0; i < N; ++i) {
      if (strides[outer][i] != strides[inner][i] * dims[inner]) return false;
    }
    return true;
  }

  // f(first output element, count, offsets of the operands) for the runs in `range`.
  template <class F>
  void ForRuns(Range range, const F& f) const {
    if (range.begin >= range.end) return;
    int64_t index[TSR_MAX_DIMS];
    int64_t rest = range.begin;
    for (int d = rank - 1; d >= 0; --d) {
      index[d] = rest % dims[d];
      rest /= dims[d];
    }
    for (int64_t at = range.begin; at < range.end;) {
      int64_t offsets[N] = {};
      for (int d = 0; d < rank; ++d) {
        for (int i = 0; i < N; ++i) offsets[i] += index[d] * strides[d][i];
      }
      const int64_t count = std::min(range.end - at, dims[rank - 1] - index[rank - 1]);
      f(at, count, offsets);
      at += count;
      index[rank - 1] = 0;
      for (int d = rank - 2; d >= 0 && ++index[d] == dims[d]; --d) index[d] = 0;
    }
  }

  // Stride of operand i within a run: 0 or 1.
  int64_t run_stride(int i) const { return strides[rank - 1][i]; }
};

}  // namespace tessera::cpu
