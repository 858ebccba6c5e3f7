// GemmParams and ChooseBlocks: how a product is cut into tasks.
//
// What it says follows from the shape alone and changes no sum: how many panels (kernel.h) of rows
// and columns a task takes, and who packs right panels. How a task then works stands in driver.h.
// Thread-safe: plain data and pure functions.
#pragma once

#include "kernels/cpu/gemm/kernel.h"
#include "kernels/cpu/gemm/shape.h"

namespace tessera::cpu::dense {

// Of a task, on its stack: left panels, and the sums of its block of the result.
inline constexpr int64_t kScratchBytes = 544 << 10;

struct GemmParams {
  MatmulShape shape;
  const GemmKernel* kernel;
  // Panels of one matrix, and those of one phase 1 task.
  int32_t row_panels;
  int32_t column_panels;
  int32_t task_row_panels;
  int32_t task_column_panels;
  int32_t k_blocks;
  bool packs_right;  // tasks of phase 1 pack right panels themselves; else phase 0 does, for all

  int64_t block_units() const { return kBlockBytes / kernel->unit_bytes; }
  int64_t block_k() const { return block_units() * kernel->unit; }
  int64_t units() const { return CeilDiv(shape.k, kernel->unit); }
  // A whole right panel; those of the last block of k may be shorter and are as far apart.
  int64_t panel_bytes() const { return kBlockBytes * kernel->tile_columns; }
  int64_t rhs_batches() const { return shape.rhs_step == 0 ? 1 : shape.batch; }
  // Left panels are stored by row where k is contiguous.
  bool by_row() const { return shape.lhs_k == 1; }
  int64_t left_panel_bytes() const {
    return (by_row() ? kRowBytes : kBlockBytes) * kernel->tile_rows;
  }
};
static_assert(sizeof(GemmParams) <= TSR_KERNEL_PARAM_BYTES);

// Fills in the panels of a task and who packs right ones. REQUIRES: all else is set.
void ChooseBlocks(GemmParams* p);

}  // namespace tessera::cpu::dense
