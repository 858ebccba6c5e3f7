// GemmKernel: what one instruction set gives the shared driver: packers and tile products.
//
// k is cut into blocks and a block into units: 1 element for fp32, a pair for bf16 dot products, 32
// for AMX tiles; the last unit is filled with zeros. A panel is a strip of one block of k: of the
// right matrix `tile_columns` wide, stored [unit][column]; of the left one `tile_rows` high, stored
// the way it lies in memory: [unit][row], or, where k is contiguous, [row][unit], so that packing
// moves whole vectors either way. The rest of a strip at the matrix' edge is zero. Rows whose
// numbers a panel would only copy are read where they lie. Thread-safe: constant data and pure
// functions.
#pragma once

#include <algorithm>

#include "kernels/cpu/internal/elements.h"

namespace tessera::cpu::dense {

inline constexpr int64_t kMostBlockBytes = 2048;   // of k per row or column in a panel
inline constexpr int64_t kMostRowBytes = kMostBlockBytes + 64;   // see GemmKernel::row_bytes

// A strip to pack. Element (i, k) lies at data[i * step + k * k_step]; one of the two steps is 1.
struct StripSource {
  const void* data;
  int64_t step;
  int64_t k_step;
  int64_t width;  // rows or columns that exist
  int64_t k;
  int64_t panel_row = 0;  // bytes from row to row of the panel, where it is stored by row
};
// Writes one whole panel.
using PackStrip = void (*)(const StripSource& source, void* panel);

inline constexpr int64_t kAlign = 64;   // of a cache line
inline constexpr int64_t kMostTileColumns = 32;   // that the drivers take

// Lines of memory to bring to L2 while a tile is summed, in runs of four: runs of one row, then
// those of the next. Any address will do. What a fetch has to work out keeps the sums waiting: with
// AVX2 a unit is six cycles. It is filled where the tile will read it and not copied: a copy reads
// in halves what was just written in quarters, and a processor then waits until every store of the
// tile before has reached the cache.
inline constexpr int kRunShift = 2;
inline constexpr int64_t kRunLines = 1 << kRunShift;
struct Fetch {
  const char* at = nullptr;
  int64_t count = 0;      // of runs
  int64_t step = 0;       // bytes from row to row,
  int64_t run_step = 0;   // from run to run,
  int64_t second = 0;     // and to the second line of a run,
  int64_t third = 0;      // the third; the fourth is at the sum of the two
  int32_t row_shift = 0;  // run r is of row r >> row_shift, and the (r & run_mask)-th of it
  int32_t run_mask = 0;

  // All of |form| but where it begins.
  void SetForm(const Fetch& form) {
    count = form.count;
    step = form.step;
    run_step = form.run_step;
    second = form.second;
    third = form.third;
    row_shift = form.row_shift;
    run_mask = form.run_mask;
  }

  [[gnu::always_inline]] const char* FirstLine(int64_t run) const {
    return at + (run >> row_shift) * step + (run & run_mask) * run_step;
  }
  [[gnu::always_inline]] void Bring(int64_t run) const {
    if (run >= count) return;
    const char* line = FirstLine(run);
    __builtin_prefetch(line, 0, 2);
    __builtin_prefetch(line + second, 0, 2);
    __builtin_prefetch(line + third, 0, 2);
    __builtin_prefetch(line + second + third, 0, 2);
  }
};
inline constexpr Fetch kNoFetch = {};

// Units of |panels| panels side by side, whole ones, that are packed while a tile is summed, one
// with each of its units: those of the first terms, then those of the next. Packing by itself waits
// for its lines, which the sums do not.
struct PackAside {
  const char* from = nullptr;
  char* to = nullptr;
  int64_t row = 0;         // bytes from term to term of the source,
  int64_t from_step = 0;   // to the columns of the next panel,
  int64_t to_step = 0;     // and from panel to panel
  int64_t panels = 1;
  int64_t count = 0;       // of units, no more than the tile has
};
inline constexpr PackAside kNoPackAside = {};

// Where a tile product goes. Rows and columns are at most the kernel's tile.
struct TileTarget {
  void* out;           // element (0, 0), fp32 or bf16
  const float* add;    // sums of earlier k blocks, added first; NULL when there are none
  int64_t out_step;    // elements from row to row
  int64_t add_step;
  int32_t rows;
  int32_t columns;
  bool bf16;
  bool stream = false;  // past the caches: rows lie on boundaries of cache lines
  // What will be read next of the right operand, and of the left one.
  const Fetch* right = &kNoFetch;
  const Fetch* left = &kNoFetch;
  const PackAside* aside = &kNoPackAside;   // for kernels that pack aside
};
// Sums |units| units of k in rising order and stores. |lhs_row|: bytes from row to row of the left
// operand, where it is stored by row.
using TileProduct = void (*)(int64_t units, const void* lhs, int64_t lhs_row, const void* rhs,
                             const TileTarget& target);

struct GemmKernel {
  int32_t tile_rows;
  int32_t tile_columns;
  int32_t unit;        // elements of k in a unit
  int32_t unit_bytes;  // of one row's or column's share of a unit in a panel
  // Bytes of k per row or column in a panel, with a left operand stored by row and by unit. A long
  // block keeps sums less often; panels of units take room in L2 that the sums want.
  int32_t row_block_bytes;
  int32_t unit_block_bytes;
  int32_t rows_together;  // that a product reads, whether they exist or not
  PackStrip pack_rhs;
  // Left strips as [unit][row] and as [row][unit], and the products that read them.
  PackStrip pack_units;
  PackStrip pack_rows;
  TileProduct product_units;
  TileProduct product_rows;
  // Called by every task before its first product and after its last; NULL when not needed. What
  // was streamed is for all to see after the latter.
  void (*enter)() = nullptr;
  void (*leave)() = nullptr;
  int32_t fetches = 1;  // lines, with each unit
  bool packs_aside = false;   // panels whose columns are contiguous in memory

  int64_t block_bytes(bool by_row) const { return by_row ? row_block_bytes : unit_block_bytes; }
  int64_t block_units(bool by_row) const { return block_bytes(by_row) / unit_bytes; }
  int64_t block_k(bool by_row) const { return block_units(by_row) * unit; }
  // Of a whole right panel.
  int64_t panel_bytes(bool by_row) const { return block_bytes(by_row) * tile_columns; }
  // From row to row of a left panel stored by row; no power of two, for the sake of L1.
  int64_t row_bytes() const { return row_block_bytes + 64; }
  // Of a left panel.
  int64_t left_bytes(bool by_row) const {
    return (by_row ? row_bytes() : unit_block_bytes) * tile_rows;
  }
};

// Whether a product may read a strip of |in| where it lies, row by row: its numbers need no
// conversion, k is whole units, the rows are all that is read, and too few of them to drive each
// other out of L1 fall into the same of its sets, which go by the lower 12 bits of an address.
inline bool ReadsInPlace(const GemmKernel& kernel, DType in, const StripSource& strip) {
  constexpr int64_t kSetBytes = 4096, kMostOfSet = 7;
  const auto element = static_cast<int64_t>(SizeOf(in));
  const int64_t row = strip.step * element;
  const int64_t apart = std::clamp<int64_t>(row & -row, 1, kSetBytes);   // as far as sets can tell
  return element * kernel.unit == kernel.unit_bytes && strip.k % kernel.unit == 0 &&
         strip.width % kernel.rows_together == 0 && row % 4 == 0 &&
         reinterpret_cast<uintptr_t>(strip.data) % 4 == 0 &&
         kernel.tile_rows <= kMostOfSet * (kSetBytes / apart);
}

// Rows as product_rows takes them.
struct LeftRows {
  const void* data;
  int64_t row;   // bytes from row to row
};

// A strip's rows where they lie, or in |panel|, where |packs| or an earlier call has put them.
inline LeftRows PlaceRows(const GemmKernel& kernel, DType in, const StripSource& strip, void* panel,
                          bool packs) {
  if (ReadsInPlace(kernel, in, strip)) {
    return {strip.data, strip.step * static_cast<int64_t>(SizeOf(in))};
  }
  if (packs) kernel.pack_rows(strip, panel);
  return {panel, strip.panel_row};
}

}  // namespace tessera::cpu::dense
