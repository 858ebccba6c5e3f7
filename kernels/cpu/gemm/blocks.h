// GemmParams and its blocks: how a product is cut into tasks.
//
// Blocks are how many panels (kernel.h) of rows and columns a task takes, and who packs right
// panels. They change no sum: ChooseBlocks takes them from the shape alone, a tuning file may say
// better ones. How a task then works stands in driver.h. Thread-safe: plain data, pure functions.
#pragma once

#include "kernels/cpu/gemm/kernel.h"
#include "kernels/cpu/gemm/shape.h"

namespace tessera::cpu::dense {

// Of a task, in its thread's room: left panels, and the sums of its block of the result.
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

  int64_t block_units() const { return kernel->block_units(by_row()); }
  int64_t block_k() const { return kernel->block_k(by_row()); }
  int64_t units() const { return CeilDiv(shape.k, kernel->unit); }
  // A whole right panel; those of the last block of k may be shorter and are as far apart.
  int64_t panel_bytes() const { return kernel->panel_bytes(by_row()); }
  int64_t rhs_batches() const { return shape.rhs_step == 0 ? 1 : shape.batch; }
  // Left panels are stored by row where k is contiguous.
  bool by_row() const { return shape.lhs_k == 1; }
  int64_t left_panel_bytes() const { return kernel->left_bytes(by_row()); }
};
static_assert(sizeof(GemmParams) <= TSR_KERNEL_PARAM_BYTES);

// Fills in the panels of a task and who packs right ones. REQUIRES: all else is set.
void ChooseBlocks(GemmParams* p);

// The knobs of a product, in this order: panels of rows and of columns that a task takes, in even
// shares (no task is a sliver), and whether tasks pack right panels. Legal is what fits a task's
// scratch. Whether a result is streamed past the caches is none: what that does to whoever reads
// the result next, the time of the product alone does not show.
inline constexpr int kRowPanelsKnob = 0, kColumnPanelsKnob = 1, kPacksRightKnob = 2;
inline constexpr int kGemmKnobs = 3;

// Takes legal blocks; false, and nothing is changed, for others.
bool SetBlocks(const int64_t* knobs, GemmParams* p);
// Fills `space` and visits every legal combination (cpp/device/backend.h).
void ExploreBlocks(const GemmParams& p, tsr_kernel_space* space, tsr_kernel_visit visit,
                   void* visit_user);

}  // namespace tessera::cpu::dense
