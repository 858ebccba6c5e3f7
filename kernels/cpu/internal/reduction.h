// ReductionLoops: the kept and the reduced dims of a reduction, as two nested walks over x.
//
// Results are numbered in row-major order of the kept dims; under each of them the reduced elements
// are walked in row-major order too. Neighbouring dims of a kind are merged. Knows no dtypes. Built
// on the stack; thread-safe.
#pragma once

#include <algorithm>
#include <cstdint>

#include "kernels/cpu/internal/call.h"

namespace tessera::cpu {

// Sums are made of chunks of this many elements.
inline constexpr int64_t kReductionChunk = 4096;

struct ReductionLoops {
  struct Side {
    int rank = 0;
    int64_t dims[TSR_MAX_DIMS] = {};
    int64_t strides[TSR_MAX_DIMS] = {};
  };
  Side kept;
  Side reduced;
  int64_t kept_count = 1;
  int64_t reduced_count = 1;

  explicit ReductionLoops(const tsr_kernel_call* call) {
    const tsr_operand& x = call->inputs[0];
    const tsr_attr* attr = FindAttr(call, "dims");
    unsigned is_reduced = 0;
    for (int i = 0; attr != nullptr && i < attr->count; ++i) {
      const int64_t dim = attr->ints[i] < 0 ? attr->ints[i] + x.rank : attr->ints[i];
      if (dim >= 0 && dim < x.rank) is_reduced |= 1u << dim;
    }
    for (int d = 0; d < x.rank; ++d) {
      const bool goes = (is_reduced >> d & 1u) != 0;
      (goes ? reduced_count : kept_count) *= x.dims[d];
      AddDim(x.dims[d], CountDims(x, d + 1, x.rank), goes ? &reduced : &kept);
    }
  }

  static void AddDim(int64_t size, int64_t stride, Side* side) {
    if (size == 1) return;
    const int last = side->rank - 1;
    if (last >= 0 && side->strides[last] == stride * size) {
      side->dims[last] *= size;
      side->strides[last] = stride;
    } else {
      side->dims[side->rank] = size;
      side->strides[side->rank++] = stride;
    }
  }

  static int64_t Offset(const Side& side, int64_t number) {
    int64_t offset = 0;
    for (int d = side.rank - 1; d >= 0; --d) {
      offset += number % side.dims[d] * side.strides[d];
      number /= side.dims[d];
    }
    return offset;
  }
  int64_t KeptOffset(int64_t number) const { return Offset(kept, number); }

  // f(offset) for the reduced elements numbered `range`, in order.
  template <class F>
  void ForReduced(Range range, const F& f) const {
    if (reduced.rank == 0) {
      for (int64_t i = range.begin; i < range.end; ++i) f(0);
      return;
    }
    const int64_t inner = reduced.dims[reduced.rank - 1];
    const int64_t stride = reduced.strides[reduced.rank - 1];
    for (int64_t at = range.begin; at < range.end;) {
      const int64_t offset = Offset(reduced, at);
      const int64_t count = std::min(range.end - at, inner - at % inner);
      for (int64_t i = 0; i < count; ++i) f(offset + i * stride);
      at += count;
    }
  }
};

}  // namespace tessera::cpu
