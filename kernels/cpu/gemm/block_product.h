// A block of a product of one expert's rows, made by one task from operands that lie as they are.
//
// Columns are taken a window at a time. For each block of k the task packs what it cannot read in
// place of the left operand, then panels of the right one, each used for all rows while it is in
// L1. Where the right operand's rows are not those of k, as of a weight in forward, panels that lie
// beside each other are packed together, some rows of them during every tile, from what the tiles
// before have fetched: memory gives rows of some lines faster than lines of as many rows, lines of
// many rows a power of two apart would drive each other out of the caches, and packing between
// tiles waits for its lines. A block's first panels wait for memory, hence several windows. It
// works in the room of its thread. Each sum runs over k in rising order, whatever the blocks.
// Thread-safe: no state.
#pragma once

#include <algorithm>

#include "kernels/cpu/gemm/grouped.h"
#include "kernels/cpu/gemm/kernel.h"

namespace tessera::cpu::dense {

inline constexpr int64_t kTaskRows = 252;     // of a block of the result, at most, and so many
inline constexpr int64_t kTaskColumns = 512;  // columns of a window,
inline constexpr int64_t kRowTaskColumns = 384;   // where rows lie in L2 beside their sums
// With one block of k there are no sums to keep, and the more columns, the fewer tasks pack a row.
inline constexpr int64_t kTaskColumnsWithoutSums = 1024;

// A product C[m, n] = A[m, k] B[k, n] of one expert, and the block of C that a task makes.
struct Block {
  const GemmKernel* kernel;
  const void* lhs;     // element (row, k) at row * lhs_row + k * lhs_k
  const void* rhs;     // element (k, column) at k * rhs_k + column * rhs_column
  void* out;           // [m, n]
  DType in, result;
  int64_t lhs_row, lhs_k, rhs_k, rhs_column, out_step;
  int64_t row_begin, row_end, column_begin, column_end, k;
  int64_t window;      // columns at a time: whole tiles
  bool streams;        // past the caches: rows lie on boundaries of cache lines
  char* room;          // of the thread
  // Gathered: the rows, or in a gradient the terms, of A are those of the tokens of these slots.
  const GroupedShape* shape = nullptr;
  const int32_t* slots = nullptr;
  bool gathers_terms = false;
};

// Whether blocks can be made by `kernel`.
bool MakesBlocks(const GemmKernel& kernel);

// Without terms it stores zeros.
void MakeBlock(const Block& block);

// Whole tiles in a block of at most `most`, shared evenly among as few blocks as will do.
inline int64_t EvenBlock(int64_t size, int64_t tile, int64_t most) {
  const int64_t tiles = std::max<int64_t>(1, CeilDiv(size, tile));
  const int64_t blocks = CeilDiv(tiles, most / tile);
  return CeilDiv(tiles, blocks) * tile;
}

}  // namespace tessera::cpu::dense
