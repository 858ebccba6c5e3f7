#include "kernels/cpu/gemm/driver.h"

#include <algorithm>

namespace tessera::cpu::dense {
namespace {

constexpr int64_t kTaskRows = 112;     // of C, at most, and so many columns
constexpr int64_t kTaskColumns = 512;
constexpr int64_t kPackPanels = 4;     // right panels packed by a phase 0 task
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
  int32_t k_blocks;

  int64_t block_units() const { return kBlockBytes / kernel->unit_bytes; }
  int64_t block_k() const { return block_units() * kernel->unit; }
  int64_t units() const { return CeilDiv(shape.k, kernel->unit); }
  // A whole right panel; those of the last block of k may be shorter and are as far apart.
  int64_t panel_bytes() const { return kBlockBytes * kernel->tile_columns; }
  int64_t rhs_batches() const { return shape.rhs_step == 0 ? 1 : shape.batch; }
  // Left panels are stored by row where k is contiguous.
  bool by_row() const { return shape.lhs_k == 1; }
};
static_assert(sizeof(GemmParams) <= TSR_KERNEL_PARAM_BYTES);

// Right panels lie in the workspace as [batch][block of k][panel].
void PackRhs(const tsr_kernel_call* call, const GemmParams& p, int64_t task) {
  const MatmulShape& s = p.shape;
  const int64_t element = static_cast<int64_t>(SizeOf(s.rhs));
  const char* data = static_cast<const char*>(call->inputs[1].data);
  const int64_t groups = CeilDiv(p.column_panels, kPackPanels);
  const int64_t k_block = task / groups % p.k_blocks;
  const int64_t batch = task / groups / p.k_blocks;
  const int64_t begin = task % groups * kPackPanels;
  const int64_t end = std::min<int64_t>(p.column_panels, begin + kPackPanels);
  char* panel = static_cast<char*>(call->workspace) +
                ((batch * p.k_blocks + k_block) * p.column_panels + begin) * p.panel_bytes();
  StripSource source;
  source.step = s.rhs_column;
  source.k_step = s.rhs_k;
  source.k = std::min(p.block_k(), s.k - k_block * p.block_k());
  for (int64_t i = begin; i < end; ++i, panel += p.panel_bytes()) {
    const int64_t column = i * p.kernel->tile_columns;
    source.data = data + (batch * s.rhs_step + k_block * p.block_k() * s.rhs_k +
                          column * s.rhs_column) * element;
    source.width = std::min<int64_t>(p.kernel->tile_columns, s.n - column);
    p.kernel->pack_rhs(source, panel);
  }
}

// One task's block of C.
class BlockTask {
 public:
  BlockTask(const tsr_kernel_call* call, const GemmParams& params, int64_t task)
      : call_(call), p_(params), s_(p_.shape), kernel_(*p_.kernel) {
    const int64_t row_tasks = CeilDiv(p_.row_panels, p_.task_row_panels);
    const int64_t column_tasks = CeilDiv(p_.column_panels, p_.task_column_panels);
    batch_ = task / (row_tasks * column_tasks);
    // Tasks that follow each other share their right panels, which then are in L2 already.
    row_begin_ = task % row_tasks * p_.task_row_panels;
    row_end_ = std::min<int64_t>(p_.row_panels, row_begin_ + p_.task_row_panels);
    column_begin_ = task / row_tasks % column_tasks * p_.task_column_panels;
    column_end_ = std::min<int64_t>(p_.column_panels, column_begin_ + p_.task_column_panels);
    left_panel_bytes_ = (p_.by_row() ? kRowBytes : kBlockBytes) * kernel_.tile_rows;
  }

  void Run() {
    if (kernel_.enter != nullptr) kernel_.enter();
    // k = 0 still stores zeros once.
    for (int64_t k_block = 0; k_block < std::max(1, p_.k_blocks); ++k_block) {
      PackLhs(k_block);
      Multiply(k_block);
    }
    if (kernel_.leave != nullptr) kernel_.leave();
  }

 private:
  void PackLhs(int64_t k_block) {
    const int64_t element = static_cast<int64_t>(SizeOf(s_.lhs));
    const char* data = static_cast<const char*>(call_->inputs[0].data);
    StripSource source;
    source.step = s_.lhs_row;
    source.k_step = s_.lhs_k;
    source.k = std::min(p_.block_k(), s_.k - k_block * p_.block_k());
    for (int64_t i = row_begin_; i < row_end_; ++i) {
      const int64_t row = i * kernel_.tile_rows;
      source.data = data + (batch_ * s_.lhs_step + k_block * p_.block_k() * s_.lhs_k +
                            row * s_.lhs_row) * element;
      source.width = std::min<int64_t>(kernel_.tile_rows, s_.m - row);
      (p_.by_row() ? kernel_.pack_rows : kernel_.pack_units)(
          source, left_ + (i - row_begin_) * left_panel_bytes_);
    }
  }

  void Multiply(int64_t k_block) {
    const int64_t units = std::min(p_.block_units(), p_.units() - k_block * p_.block_units());
    const int64_t rhs_batch = s_.rhs_step == 0 ? 0 : batch_;
    const char* right =
        static_cast<const char*>(call_->workspace) +
        (rhs_batch * p_.k_blocks + k_block) * p_.column_panels * p_.panel_bytes();
    const TileProduct product = p_.by_row() ? kernel_.product_rows : kernel_.product_units;
    const bool first = k_block == 0;
    const bool last = k_block + 1 >= p_.k_blocks;
    const int64_t out_bytes = static_cast<int64_t>(SizeOf(s_.out));
    char* out = static_cast<char*>(call_->outputs[0].data) + batch_ * s_.m * s_.n * out_bytes;
    float* sums = sums_;
    fetched_ = 0;
    for (int64_t j = column_begin_; j < column_end_; ++j) {
      const char* next_panel =
          right + (j + 1 < column_end_ ? j + 1 : p_.column_panels + column_begin_) *
                      p_.panel_bytes();
      for (int64_t i = row_begin_; i < row_end_; ++i) {
        const int64_t row = i * kernel_.tile_rows;
        const int64_t column = j * kernel_.tile_columns;
        TileTarget target;
        target.rows = static_cast<int32_t>(std::min<int64_t>(kernel_.tile_rows, s_.m - row));
        target.columns =
            static_cast<int32_t>(std::min<int64_t>(kernel_.tile_columns, s_.n - column));
        target.bf16 = last && s_.out == DType::kBF16;
        target.out = last ? static_cast<void*>(out + (row * s_.n + column) * out_bytes) : sums;
        target.out_step = last ? s_.n : kernel_.tile_columns;
        target.add = first ? nullptr : sums;
        target.add_step = kernel_.tile_columns;
        // The next right panel comes in while this one is used, a share with each tile, and so do
        // the rows of the next block of k.
        target.next = next_panel + (i - row_begin_) * p_.panel_bytes() / (row_end_ - row_begin_);
        if (!last) FetchLhs(k_block + 1);
        product(units, left_ + (i - row_begin_) * left_panel_bytes_, right + j * p_.panel_bytes(),
                target);
        sums += kernel_.tile_rows * kernel_.tile_columns;
      }
    }
  }

  // Fetches one tile's share of the cache lines of the left operand in a block of k.
  void FetchLhs(int64_t k_block) {
    const int64_t element = static_cast<int64_t>(SizeOf(s_.lhs));
    const int64_t first_row = row_begin_ * kernel_.tile_rows;
    const int64_t rows = std::min(s_.m, row_end_ * kernel_.tile_rows) - first_row;
    const int64_t first_k = k_block * p_.block_k();
    const int64_t depth = std::min(p_.block_k(), s_.k - first_k);
    const int64_t outer = p_.by_row() ? rows : depth;
    const int64_t outer_step = (p_.by_row() ? s_.lhs_row : s_.lhs_k) * element;
    const int64_t lines = CeilDiv((p_.by_row() ? depth : rows) * element, kAlign) + 1;
    const char* data = static_cast<const char*>(call_->inputs[0].data) +
                       (batch_ * s_.lhs_step + first_k * s_.lhs_k + first_row * s_.lhs_row) *
                           element;
    const int64_t tiles = (row_end_ - row_begin_) * (column_end_ - column_begin_);
    const int64_t end = std::min(outer, fetched_ + CeilDiv(outer, tiles));
    for (; fetched_ < end; ++fetched_) {
      for (int64_t line = 0; line < lines; ++line) {
        __builtin_prefetch(data + fetched_ * outer_step + line * kAlign, 0, 2);
      }
    }
  }

  const tsr_kernel_call* call_;
  const GemmParams& p_;
  const MatmulShape& s_;
  const GemmKernel& kernel_;
  int64_t batch_;
  int64_t row_begin_, row_end_;        // panels
  int64_t column_begin_, column_end_;  // panels
  int64_t left_panel_bytes_;
  int64_t fetched_ = 0;  // rows of the next block's left operand, or of its k
  // Sums of earlier blocks of k, tile by tile, and the left panels of one block.
  alignas(kAlign) float sums_[kTaskRows * kTaskColumns];
  alignas(kAlign) char left_[kTaskRows * kRowBytes];
};

void RunGemm(const tsr_kernel_call* call, const tsr_kernel_plan* plan, int32_t phase,
             int64_t task) {
  const auto p = Params<GemmParams>(plan);
  if (phase == 0) {
    PackRhs(call, p, task);
    return;
  }
  BlockTask block(call, p, task);
  block.Run();
}

// How many panels a task takes. Follows from the shape alone; changes no sum. Each further column
// of tasks packs the left operand once more, each further row of tasks reads the right one again.
void ChooseBlocks(GemmParams* p) {
  constexpr int64_t kPackCost = 3;  // of an element, beside reading a packed one
  const int64_t rows = std::max(1, p->row_panels), columns = std::max(1, p->column_panels);
  const int64_t batch = p->shape.batch;
  const int64_t wanted =
      std::min(kWantedTasks, batch * CeilDiv(rows, 2) * CeilDiv(columns, 4));
  int64_t best = -1;
  for (int64_t r = 1; r <= std::min(rows, kTaskRows / p->kernel->tile_rows); ++r) {
    for (int64_t c = 1; c <= std::min(columns, kTaskColumns / p->kernel->tile_columns); ++c) {
      const int64_t row_tasks = CeilDiv(rows, r), column_tasks = CeilDiv(columns, c);
      if (batch * row_tasks * column_tasks < wanted) continue;
      const int64_t cost = column_tasks * rows * p->kernel->tile_rows * kPackCost +
                           row_tasks * columns * p->kernel->tile_columns;
      if (best >= 0 && cost >= best) continue;
      best = cost;
      // Even shares, so that the last task of a row of blocks is not a sliver.
      p->task_row_panels = static_cast<int32_t>(CeilDiv(rows, row_tasks));
      p->task_column_panels = static_cast<int32_t>(CeilDiv(columns, column_tasks));
    }
  }
}

}  // namespace

int32_t PlanGemm(const MatmulShape& shape, const GemmKernel& kernel, tsr_kernel_plan* plan,
                 char* reason) {
  constexpr int64_t kMaxDim = int64_t{1} << 31;
  if (shape.m >= kMaxDim || shape.n >= kMaxDim || shape.k >= kMaxDim) {
    return Decline(reason, "matmul: more than 2^31 rows, columns or terms");
  }
  GemmParams p = {};
  p.shape = shape;
  p.kernel = &kernel;
  p.row_panels = static_cast<int32_t>(CeilDiv(shape.m, kernel.tile_rows));
  p.column_panels = static_cast<int32_t>(CeilDiv(shape.n, kernel.tile_columns));
  p.k_blocks = static_cast<int32_t>(CeilDiv(shape.k, p.block_k()));
  ChooseBlocks(&p);
  const bool empty = shape.batch * shape.m * shape.n == 0;
  const int64_t matrices = p.rhs_batches() * p.k_blocks;
  plan->run = RunGemm;
  plan->phase_count = 2;
  plan->tasks[0] = empty ? 0 : matrices * CeilDiv(p.column_panels, kPackPanels);
  plan->tasks[1] = empty ? 0
                         : shape.batch * CeilDiv(p.row_panels, p.task_row_panels) *
                               CeilDiv(p.column_panels, p.task_column_panels);
  plan->workspace_bytes =
      empty ? 0 : static_cast<size_t>(matrices * p.column_panels * p.panel_bytes());
  SetParams(plan, p);
  return 0;
}

}  // namespace tessera::cpu::dense
