#include "kernels/cpu/gemm/driver.h"

#include <algorithm>

namespace tessera::cpu::dense {
namespace {

constexpr int64_t kPackBytes = 32 << 10;       // of panels per packing task, at least
constexpr int64_t kLhsBlockBytes = 384 << 10;  // of the left panels a task keeps in L2
constexpr int64_t kMaxRowPanels = 8;
constexpr int64_t kMaxColumnPanels = 16;
constexpr int64_t kWantedTasks = 24;
constexpr int64_t kAlign = 64;

struct GemmParams {
  MatmulShape shape;
  const GemmKernel* kernel;
  // Panels of one matrix, and those of one phase 1 task.
  int32_t row_panels;
  int32_t column_panels;
  int32_t task_row_panels;
  int32_t task_column_panels;
  // Panels packed by one phase 0 task; left ones come first.
  int32_t lhs_pack_panels;
  int32_t rhs_pack_panels;
  // Workspace: left panels at 0, then right panels, then fp32 sums for bf16 results of long k.
  int64_t rhs_offset;
  int64_t sums_offset;

  int64_t units() const { return CeilDiv(shape.k, kernel->unit); }
  int64_t lhs_panel_bytes() const {
    return units() * kernel->unit_bytes * kernel->tile_rows;
  }
  int64_t rhs_panel_bytes() const {
    return units() * kernel->unit_bytes * kernel->tile_columns;
  }
  int64_t rhs_batches() const { return shape.rhs_step == 0 ? 1 : shape.batch; }
};
static_assert(sizeof(GemmParams) <= TSR_KERNEL_PARAM_BYTES);

int64_t RoundUp(int64_t x) { return CeilDiv(x, kAlign) * kAlign; }

void RunPack(const tsr_kernel_call* call, const GemmParams& p, int64_t task) {
  const MatmulShape& s = p.shape;
  const int64_t lhs_tasks = CeilDiv(s.batch * p.row_panels, p.lhs_pack_panels);
  const bool lhs = task < lhs_tasks;
  const int64_t per_task = lhs ? p.lhs_pack_panels : p.rhs_pack_panels;
  const int64_t panels = lhs ? p.row_panels : p.column_panels;
  const int64_t batches = lhs ? s.batch : p.rhs_batches();
  const int64_t strip = lhs ? p.kernel->tile_rows : p.kernel->tile_columns;
  const int64_t panel_bytes = lhs ? p.lhs_panel_bytes() : p.rhs_panel_bytes();
  const int64_t element = static_cast<int64_t>(SizeOf(lhs ? s.lhs : s.rhs));
  const char* data = static_cast<const char*>(call->inputs[lhs ? 0 : 1].data);
  char* panel = static_cast<char*>(call->workspace) + (lhs ? 0 : p.rhs_offset);
  const int64_t begin = (lhs ? task : task - lhs_tasks) * per_task;
  const int64_t end = std::min(batches * panels, begin + per_task);
  StripSource source;
  source.step = lhs ? s.lhs_row : s.rhs_column;
  source.k_step = lhs ? s.lhs_k : s.rhs_k;
  source.k = s.k;
  for (int64_t i = begin; i < end; ++i) {
    const int64_t batch = i / panels;
    const int64_t first = i % panels * strip;
    source.data = data + (batch * (lhs ? s.lhs_step : s.rhs_step) + first * source.step) * element;
    source.width = std::min(strip, (lhs ? s.m : s.n) - first);
    (lhs ? p.kernel->pack_lhs : p.kernel->pack_rhs)(source, panel + i * panel_bytes);
  }
}

// One block of C within one block of k: right panels outside, so that one stays in L1 while the
// left panels come from L2.
struct Block {
  int64_t batch;
  int64_t row_begin, row_end;        // panels
  int64_t column_begin, column_end;  // panels
  int64_t unit_begin, units;
  bool first, last;
};

void RunBlock(const tsr_kernel_call* call, const GemmParams& p, const Block& block) {
  const MatmulShape& s = p.shape;
  const GemmKernel& kernel = *p.kernel;
  const char* workspace = static_cast<const char*>(call->workspace);
  const char* lhs = workspace + block.batch * p.row_panels * p.lhs_panel_bytes() +
                    block.unit_begin * kernel.unit_bytes * kernel.tile_rows;
  const char* rhs = workspace + p.rhs_offset +
                    (s.rhs_step == 0 ? 0 : block.batch * p.column_panels * p.rhs_panel_bytes()) +
                    block.unit_begin * kernel.unit_bytes * kernel.tile_columns;
  const bool bf16 = s.out == DType::kBF16;
  char* out = static_cast<char*>(call->outputs[0].data);
  // Sums between blocks of k lie in C itself when that is fp32.
  float* sums = bf16 ? reinterpret_cast<float*>(static_cast<char*>(call->workspace) +
                                                p.sums_offset)
                     : reinterpret_cast<float*>(out);
  for (int64_t j = block.column_begin; j < block.column_end; ++j) {
    for (int64_t i = block.row_begin; i < block.row_end; ++i) {
      const int64_t row = i * kernel.tile_rows;
      const int64_t column = j * kernel.tile_columns;
      const int64_t at = (block.batch * s.m + row) * s.n + column;
      TileTarget target;
      target.bf16 = bf16 && block.last;
      target.out = target.bf16 ? static_cast<void*>(out + at * 2) : sums + at;
      target.add = block.first ? nullptr : sums + at;
      target.out_step = s.n;
      target.add_step = s.n;
      target.rows = static_cast<int32_t>(std::min<int64_t>(kernel.tile_rows, s.m - row));
      target.columns = static_cast<int32_t>(std::min<int64_t>(kernel.tile_columns, s.n - column));
      kernel.product(block.units, lhs + i * p.lhs_panel_bytes(), rhs + j * p.rhs_panel_bytes(),
                     target);
    }
  }
}

void RunGemm(const tsr_kernel_call* call, const tsr_kernel_plan* plan, int32_t phase,
             int64_t task) {
  const auto p = Params<GemmParams>(plan);
  if (phase == 0) {
    RunPack(call, p, task);
    return;
  }
  const int64_t row_tasks = CeilDiv(p.row_panels, p.task_row_panels);
  const int64_t column_tasks = CeilDiv(p.column_panels, p.task_column_panels);
  Block block;
  block.batch = task / (row_tasks * column_tasks);
  block.row_begin = task / column_tasks % row_tasks * p.task_row_panels;
  block.row_end = std::min<int64_t>(p.row_panels, block.row_begin + p.task_row_panels);
  block.column_begin = task % column_tasks * p.task_column_panels;
  block.column_end = std::min<int64_t>(p.column_panels, block.column_begin + p.task_column_panels);
  const int64_t units = p.units();
  const int64_t block_units = std::max<int64_t>(1, kBlockBytes / p.kernel->unit_bytes);
  if (p.kernel->enter != nullptr) p.kernel->enter();
  // k = 0 still stores zeros once.
  int64_t unit = 0;
  do {
    block.unit_begin = unit;
    block.units = std::min(block_units, units - unit);
    block.first = unit == 0;
    unit += block_units;
    block.last = unit >= units;
    RunBlock(call, p, block);
  } while (!block.last);
  if (p.kernel->leave != nullptr) p.kernel->leave();
}

// How many panels a task takes. Follows from the shape alone; changes no sum.
void ChooseBlocks(GemmParams* p) {
  int64_t rows = std::clamp<int64_t>(kLhsBlockBytes / std::max<int64_t>(1, p->lhs_panel_bytes()),
                                     2, kMaxRowPanels);
  int64_t columns = kMaxColumnPanels;
  rows = std::min<int64_t>(rows, std::max(1, p->row_panels));
  columns = std::min<int64_t>(columns, std::max(1, p->column_panels));
  const auto tasks = [&] {
    return p->shape.batch * CeilDiv(p->row_panels, rows) * CeilDiv(p->column_panels, columns);
  };
  while (tasks() < kWantedTasks && (columns > 4 || rows > 2)) {
    if (columns > 4) {
      columns = CeilDiv(columns, 2);
    } else {
      rows = CeilDiv(rows, 2);
    }
  }
  // Even shares, so that the last task of a row of blocks is not a sliver.
  rows = CeilDiv(p->row_panels, std::max<int64_t>(1, CeilDiv(p->row_panels, rows)));
  columns = CeilDiv(p->column_panels, std::max<int64_t>(1, CeilDiv(p->column_panels, columns)));
  p->task_row_panels = static_cast<int32_t>(std::max<int64_t>(1, rows));
  p->task_column_panels = static_cast<int32_t>(std::max<int64_t>(1, columns));
}

}  // namespace

int32_t PlanGemm(const MatmulShape& shape, const GemmKernel& kernel, tsr_kernel_plan* plan,
                 char* reason) {
  constexpr int64_t kMaxDim = int64_t{1} << 31;
  if (shape.m >= kMaxDim || shape.n >= kMaxDim) {
    return Decline(reason, "matmul: more than 2^31 rows or columns");
  }
  GemmParams p = {};
  p.shape = shape;
  p.kernel = &kernel;
  p.row_panels = static_cast<int32_t>(CeilDiv(shape.m, kernel.tile_rows));
  p.column_panels = static_cast<int32_t>(CeilDiv(shape.n, kernel.tile_columns));
  ChooseBlocks(&p);
  const int64_t lhs_panels = shape.batch * p.row_panels;
  const int64_t rhs_panels = p.rhs_batches() * p.column_panels;
  const auto per_task = [](int64_t panel_bytes) {
    return static_cast<int32_t>(
        std::max<int64_t>(1, kPackBytes / std::max<int64_t>(1, panel_bytes)));
  };
  p.lhs_pack_panels = per_task(p.lhs_panel_bytes());
  p.rhs_pack_panels = per_task(p.rhs_panel_bytes());
  p.rhs_offset = RoundUp(lhs_panels * p.lhs_panel_bytes());
  p.sums_offset = RoundUp(p.rhs_offset + rhs_panels * p.rhs_panel_bytes());
  const bool long_k = p.units() * kernel.unit_bytes > kBlockBytes;
  const int64_t sums_bytes =
      shape.out == DType::kBF16 && long_k ? shape.batch * shape.m * shape.n * 4 : 0;
  plan->run = RunGemm;
  plan->phase_count = 2;
  const bool empty = shape.batch * shape.m * shape.n == 0;
  plan->tasks[0] = empty || shape.k == 0 ? 0
                                         : CeilDiv(lhs_panels, p.lhs_pack_panels) +
                                               CeilDiv(rhs_panels, p.rhs_pack_panels);
  plan->tasks[1] = empty ? 0
                         : shape.batch * CeilDiv(p.row_panels, p.task_row_panels) *
                               CeilDiv(p.column_panels, p.task_column_panels);
  plan->workspace_bytes = empty ? 0 : static_cast<size_t>(p.sums_offset + sums_bytes);
  SetParams(plan, p);
  return 0;
}

}  // namespace tessera::cpu::dense
