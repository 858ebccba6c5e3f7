#include "kernels/cpu/gemm/blocks.h"

#include <algorithm>

namespace tessera::cpu::dense {
namespace {

constexpr int64_t kWantedTasks = 16;

}  // namespace

// Each further column of tasks packs the left operand once more; each further row of tasks reads
// the right one again, or packs it again: that pays where it is copied, not turned, and the copy
// would go to memory and back.
void ChooseBlocks(GemmParams* p) {
  // Cost of an element, beside reading a packed one.
  constexpr int64_t kPackLeft = 3, kPackRight = 4;
  constexpr int64_t kMostRightPacks = 16;
  constexpr int64_t kMostColumnPanels = 64;
  const GemmKernel& kernel = *p->kernel;
  const int64_t rows = std::max(1, p->row_panels), columns = std::max(1, p->column_panels);
  const int64_t most_columns = std::min(columns, kMostColumnPanels);
  const int64_t batch = p->shape.batch;
  const int64_t tile_bytes = p->k_blocks > 1 ? kernel.tile_rows * kernel.tile_columns * 4 : 0;
  const int64_t wanted =
      std::min(kWantedTasks, batch * CeilDiv(rows, 2) * CeilDiv(columns, 4));
  int64_t best = -1;
  for (int64_t r = 1; r <= rows; ++r) {
    const int64_t row_tasks = CeilDiv(rows, r);
    const bool packs_right = p->shape.rhs_column == 1 && row_tasks <= kMostRightPacks;
    // Packed right panels want their place in L2, too.
    const int64_t sums_bytes =
        (packs_right ? kScratchBytes : kScratchBytes * 2 / 3) - r * p->left_panel_bytes();
    if (r * tile_bytes > sums_bytes) break;
    for (int64_t c = 1; c <= most_columns && r * c * tile_bytes <= sums_bytes; ++c) {
      const int64_t column_tasks = CeilDiv(columns, c);
      if (batch * row_tasks * column_tasks < wanted) break;
      const int64_t cost =
          column_tasks * rows * kernel.tile_rows * kPackLeft +
          row_tasks * columns * kernel.tile_columns * (packs_right ? kPackRight : 1);
      if (best >= 0 && cost >= best) continue;
      best = cost;
      p->packs_right = packs_right;
      // Even shares, so that the last task of a row of blocks is not a sliver.
      p->task_row_panels = static_cast<int32_t>(CeilDiv(rows, row_tasks));
      p->task_column_panels = static_cast<int32_t>(CeilDiv(columns, column_tasks));
    }
  }
}

}  // namespace tessera::cpu::dense
