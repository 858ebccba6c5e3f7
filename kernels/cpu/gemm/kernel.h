// GemmKernel: what one instruction set gives the shared driver: two packers and a tile product.
//
// A panel is a strip of the left matrix `tile_rows` high or of the right one `tile_columns` wide,
// over all of k, stored in the order the tile product reads it. k is cut into units: 1 element for
// fp32, a pair for bf16 dot products, 32 for AMX tiles; the last unit is filled with zeros, and so
// is the rest of a strip at the matrix' edge. Thread-safe: constant data and pure functions.
#pragma once

#include "kernels/cpu/internal/elements.h"

namespace tessera::cpu::dense {

// A strip to pack. Element (i, k) lies at data[i * step + k * k_step]; one of the two steps is 1.
struct StripSource {
  const void* data;
  int64_t step;
  int64_t k_step;
  int64_t width;  // rows or columns that exist
  int64_t k;
};
// Writes one whole panel.
using PackStrip = void (*)(const StripSource& source, void* panel);

// Where a tile product goes. Rows and columns are at most the kernel's tile.
struct TileTarget {
  void* out;           // element (0, 0), fp32 or bf16
  const float* add;    // sums of earlier k blocks, added first; NULL when there are none
  int64_t out_step;    // elements from row to row
  int64_t add_step;
  int32_t rows;
  int32_t columns;
  bool bf16;
};
// Sums |units| units of k in rising order and stores.
using TileProduct = void (*)(int64_t units, const void* lhs, const void* rhs,
                             const TileTarget& target);

struct GemmKernel {
  int32_t tile_rows;
  int32_t tile_columns;
  int32_t unit;        // elements of k in a unit
  int32_t unit_bytes;  // of one row's or column's share of a unit in a panel
  PackStrip pack_lhs;
  PackStrip pack_rhs;
  TileProduct product;
  // Called by every task before its first product and after its last; NULL when not needed.
  void (*enter)();
  void (*leave)();
};

}  // namespace tessera::cpu::dense
