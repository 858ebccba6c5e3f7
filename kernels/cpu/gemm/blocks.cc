#include "kernels/cpu/gemm/blocks.h"

#include <algorithm>
#include <iterator>

namespace tessera::cpu::dense {
namespace {

constexpr int64_t kWantedTasks = 16;

int64_t RowPanels(const GemmParams& p) { return std::max(1, p.row_panels); }
int64_t ColumnPanels(const GemmParams& p) { return std::max(1, p.column_panels); }

// Bytes of sums that a tile keeps between blocks of k.
int64_t TileBytes(const GemmParams& p) {
  return p.k_blocks > 1 ? p.kernel->tile_rows * p.kernel->tile_columns * 4 : 0;
}

// Scratch of a task of so many panels.
int64_t ScratchBytes(const GemmParams& p, int64_t rows, int64_t columns) {
  return rows * p.left_panel_bytes() + rows * columns * TileBytes(p);
}

// The next larger share in which `all` panels are dealt out evenly, or more than `all`.
int64_t NextShare(int64_t all, int64_t share) {
  const int64_t tasks = CeilDiv(all, share);
  return tasks <= 1 ? all + 1 : CeilDiv(all, tasks - 1);
}

bool IsShare(int64_t all, int64_t share) {
  return share >= 1 && share <= all && CeilDiv(all, CeilDiv(all, share)) == share;
}

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
  const int64_t rows = RowPanels(*p), columns = ColumnPanels(*p);
  const int64_t most_columns = std::min(columns, kMostColumnPanels);
  const int64_t batch = p->shape.batch;
  const int64_t tile_bytes = TileBytes(*p);
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

bool SetBlocks(const int64_t* knobs, GemmParams* p) {
  const int64_t rows = knobs[kRowPanelsKnob], columns = knobs[kColumnPanelsKnob];
  const int64_t packs_right = knobs[kPacksRightKnob];
  if (!IsShare(RowPanels(*p), rows) || !IsShare(ColumnPanels(*p), columns)) return false;
  if (packs_right != 0 && packs_right != 1) return false;
  if (ScratchBytes(*p, rows, columns) > kScratchBytes) return false;
  p->task_row_panels = static_cast<int32_t>(rows);
  p->task_column_panels = static_cast<int32_t>(columns);
  p->packs_right = packs_right == 1;
  return true;
}

void ExploreBlocks(const GemmParams& p, tsr_kernel_space* space, tsr_kernel_visit visit,
                   void* visit_user) {
  constexpr const char* kKnobs[] = {"task_row_panels", "task_column_panels", "tasks_pack_right"};
  // Bytes for each multiply-add that are packed or read; the share of scratch; what is begun anew
  // with each panel of rows and of columns.
  constexpr const char* kTraits[] = {"left_packed", "right_packed", "right_read", "scratch",
                                     "per_row",     "per_column",   "tasks_pack"};
  static_assert(std::size(kKnobs) == kGemmKnobs);
  static_assert(std::size(kKnobs) <= size_t{TSR_KERNEL_MAX_KNOBS});
  static_assert(std::size(kTraits) <= size_t{TSR_KERNEL_MAX_TRAITS});
  const int64_t rows = RowPanels(p), columns = ColumnPanels(p);
  space->knob_count = kGemmKnobs;
  space->trait_count = std::size(kTraits);
  std::copy(std::begin(kKnobs), std::end(kKnobs), space->knobs);
  std::copy(std::begin(kTraits), std::end(kTraits), space->traits);
  space->own[kRowPanelsKnob] = p.task_row_panels;
  space->own[kColumnPanelsKnob] = p.task_column_panels;
  space->own[kPacksRightKnob] = p.packs_right ? 1 : 0;
  space->box_count = rows * columns * 2;
  if (visit == nullptr) return;
  const double left = static_cast<double>(SizeOf(p.shape.lhs)) / static_cast<double>(p.shape.n);
  const double right = static_cast<double>(SizeOf(p.shape.rhs)) / static_cast<double>(p.shape.m);
  const double shared = static_cast<double>(p.rhs_batches()) / static_cast<double>(p.shape.batch);
  for (int64_t r = 1; r <= rows && ScratchBytes(p, r, 1) <= kScratchBytes; r = NextShare(rows, r)) {
    const auto row_tasks = static_cast<double>(CeilDiv(rows, r));
    for (int64_t c = 1; c <= columns && ScratchBytes(p, r, c) <= kScratchBytes;
         c = NextShare(columns, c)) {
      const auto column_tasks = static_cast<double>(CeilDiv(columns, c));
      for (const int64_t packs : {0, 1}) {
        const int64_t knobs[kGemmKnobs] = {r, c, packs};
        const double traits[] = {
            column_tasks * left,
            (packs == 1 ? row_tasks : shared) * right,
            packs == 1 ? 0 : row_tasks * right,
            static_cast<double>(ScratchBytes(p, r, c)) / static_cast<double>(kScratchBytes),
            1 / static_cast<double>(r),
            1 / static_cast<double>(c),
            static_cast<double>(packs)};
        visit(visit_user, knobs, traits);
      }
    }
  }
}

}  // namespace tessera::cpu::dense
