// Whether a result is written past the caches. A large one would not stay in them, and lines that
// are only written need not be read first. Thread-safe: no state.
#pragma once

#include <cstdint>

#include "kernels/cpu/gemm/kernel.h"

namespace tessera::cpu::dense {

inline constexpr int64_t kStreamBytes = 8 << 20;   // a result that is larger

// Rows must lie on boundaries of cache lines, as TileTarget::stream asks.
inline bool IsStreamed(const tsr_operand& out, int64_t rows, int64_t columns) {
  const int64_t row_bytes = columns * static_cast<int64_t>(SizeOf(static_cast<DType>(out.dtype)));
  return rows * row_bytes > kStreamBytes && row_bytes % kAlign == 0 &&
         reinterpret_cast<uintptr_t>(out.data) % kAlign == 0;
}

}  // namespace tessera::cpu::dense
