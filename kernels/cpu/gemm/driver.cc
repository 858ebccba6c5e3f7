#include "kernels/cpu/gemm/driver.h"

#include <algorithm>

#include "kernels/cpu/gemm/blocks.h"
#include "kernels/cpu/gemm/fetch_walk.h"
#include "kernels/cpu/gemm/streams.h"

namespace tessera::cpu::dense {
namespace {

constexpr int64_t kPackPanels = 4;            // right panels packed by a phase 0 task
constexpr int64_t kRightBytes = kMostTileColumns * kMostBlockBytes;
static_assert(kRightBytes + kScratchBytes <= TSR_THREAD_ROOM_BYTES);

// The right operand's panel |j| of a block of k.
StripSource RightStrip(const tsr_kernel_call* call, const GemmParams& p, int64_t batch,
                       int64_t k_block, int64_t j) {
  const MatmulShape& s = p.shape;
  const int64_t element = static_cast<int64_t>(SizeOf(s.rhs));
  const int64_t column = j * p.kernel->tile_columns;
  const int64_t first_k = k_block * p.block_k();
  StripSource source;
  source.step = s.rhs_column;
  source.k_step = s.rhs_k;
  source.k = std::min(p.block_k(), s.k - first_k);
  source.width = std::min<int64_t>(p.kernel->tile_columns, s.n - column);
  source.data = static_cast<const char*>(call->inputs[1].data) +
                (batch * s.rhs_step + first_k * s.rhs_k + column * s.rhs_column) * element;
  return source;
}

// Where it lies once phase 0 has packed it: [batch][block of k][panel].
char* PackedRight(const tsr_kernel_call* call, const GemmParams& p, int64_t batch, int64_t k_block,
                  int64_t j) {
  const int64_t matrix = p.shape.rhs_step == 0 ? 0 : batch;
  return static_cast<char*>(call->workspace) +
         ((matrix * p.k_blocks + k_block) * p.column_panels + j) * p.panel_bytes();
}

void PackRhs(const tsr_kernel_call* call, const GemmParams& p, int64_t task) {
  const int64_t groups = CeilDiv(p.column_panels, kPackPanels);
  const int64_t k_block = task / groups % p.k_blocks;
  const int64_t batch = task / groups / p.k_blocks;
  const int64_t begin = task % groups * kPackPanels;
  const int64_t end = std::min<int64_t>(p.column_panels, begin + kPackPanels);
  for (int64_t j = begin; j < end; ++j) {
    p.kernel->pack_rhs(RightStrip(call, p, batch, k_block, j),
                       PackedRight(call, p, batch, k_block, j));
  }
}

// One task's block of C.
class BlockTask {
 public:
  BlockTask(const tsr_kernel_call* call, const GemmParams& params, int64_t task)
      : call_(call), p_(params), s_(p_.shape), kernel_(*p_.kernel), right_(ThreadRoom(call)) {
    const int64_t row_tasks = CeilDiv(p_.row_panels, p_.task_row_panels);
    const int64_t column_tasks = CeilDiv(p_.column_panels, p_.task_column_panels);
    batch_ = task / (row_tasks * column_tasks);
    // Tasks that follow each other share their right panels, which then are in L2 already.
    row_begin_ = task % row_tasks * p_.task_row_panels;
    row_end_ = std::min<int64_t>(p_.row_panels, row_begin_ + p_.task_row_panels);
    column_begin_ = task / row_tasks % column_tasks * p_.task_column_panels;
    column_end_ = std::min<int64_t>(p_.column_panels, column_begin_ + p_.task_column_panels);
    streams_ = IsStreamed(call_->outputs[0], s_.batch * s_.m, s_.n);
  }

  void Run() {
    if (kernel_.enter != nullptr) kernel_.enter();
    // k = 0 still stores zeros once.
    for (int64_t k_block = 0; k_block < std::max(1, p_.k_blocks); ++k_block) {
      if (!p_.by_row()) {
        for (int64_t i = row_begin_; i < row_end_; ++i) {
          kernel_.pack_units(LeftStrip(k_block, i), LeftPanel(i));
        }
      }
      Multiply(k_block);
    }
    if (kernel_.leave != nullptr) kernel_.leave();
  }

 private:
  int64_t out_bytes() const { return static_cast<int64_t>(SizeOf(s_.out)); }
  int64_t lhs_bytes() const { return static_cast<int64_t>(SizeOf(s_.lhs)); }

  // The left operand's panel |i| of a block of k.
  StripSource LeftStrip(int64_t k_block, int64_t i) const {
    const int64_t row = i * kernel_.tile_rows, first_k = k_block * p_.block_k();
    StripSource source;
    source.step = s_.lhs_row;
    source.k_step = s_.lhs_k;
    source.k = std::min(p_.block_k(), s_.k - first_k);
    source.width = std::min<int64_t>(kernel_.tile_rows, s_.m - row);
    source.panel_row = kernel_.row_bytes();
    source.data = static_cast<const char*>(call_->inputs[0].data) +
                  (batch_ * s_.lhs_step + first_k * s_.lhs_k + row * s_.lhs_row) * lhs_bytes();
    return source;
  }

  // Sums of earlier blocks of k lie behind the left panels, tile by tile.
  char* LeftPanel(int64_t i) {
    return right_ + kRightBytes + (i - row_begin_) * p_.left_panel_bytes();
  }
  float* Sums() { return reinterpret_cast<float*>(LeftPanel(row_end_)); }

  void Multiply(int64_t k_block) {
    const int64_t units = std::min(p_.block_units(), p_.units() - k_block * p_.block_units());
    const TileProduct product = p_.by_row() ? kernel_.product_rows : kernel_.product_units;
    const int64_t panels = row_end_ - row_begin_;
    const int64_t tiles = panels * (column_end_ - column_begin_);
    FetchWalk next_left(NextLeft(k_block), tiles, units, kernel_);
    Fetch rows;
    if (p_.by_row()) rows = FetchStrip(LeftStrip(k_block, row_begin_), s_.lhs, units, kernel_);
    float* sums = Sums();
    for (int64_t j = column_begin_; j < column_end_; ++j) {
      const char* right = right_;
      if (p_.packs_right) {
        kernel_.pack_rhs(RightStrip(call_, p_, batch_, k_block, j), right_);
      } else {
        right = PackedRight(call_, p_, batch_, k_block, j);
      }
      FetchWalk next_right(NextRight(k_block, j), panels, units, kernel_);
      for (int64_t i = row_begin_; i < row_end_; ++i) {
        TileTarget target = Target(k_block, i, j, sums);
        LeftRows lhs = {LeftPanel(i), 0};
        if (p_.by_row()) {
          lhs = PlaceRows(kernel_, s_.lhs, LeftStrip(k_block, i), LeftPanel(i),
                          j == column_begin_);
        }
        // What comes next comes in while this is used, a share with each tile.
        Fetch of_right, of_left;
        next_right.Next(&of_right);
        p_.by_row() ? SetNextRows(k_block, i, j, rows, &of_left) : next_left.Next(&of_left);
        target.right = &of_right;
        target.left = &of_left;
        product(units, lhs.data, lhs.row, right, target);
        sums += kernel_.tile_rows * kernel_.tile_columns;
      }
    }
  }

  // Where the sums of tile (i, j) go: to C after the last block of k, until then to |sums|.
  TileTarget Target(int64_t k_block, int64_t i, int64_t j, float* sums) const {
    const int64_t row = i * kernel_.tile_rows;
    const int64_t column = j * kernel_.tile_columns;
    const bool last = k_block + 1 >= p_.k_blocks;
    TileTarget target;
    target.rows = static_cast<int32_t>(std::min<int64_t>(kernel_.tile_rows, s_.m - row));
    target.columns = static_cast<int32_t>(std::min<int64_t>(kernel_.tile_columns, s_.n - column));
    target.bf16 = last && s_.out == DType::kBF16;
    target.add = k_block == 0 ? nullptr : sums;
    target.add_step = kernel_.tile_columns;
    target.out = sums;
    target.out_step = kernel_.tile_columns;
    if (last) {
      target.out = static_cast<char*>(call_->outputs[0].data) +
                   ((batch_ * s_.m + row) * s_.n + column) * out_bytes();
      target.out_step = s_.n;
      target.stream = streams_;
    }
    return target;
  }

  // What is read of the right operand after panel |j|.
  Area NextRight(int64_t k_block, int64_t j) const {
    if (++j == column_end_) {
      j = column_begin_;
      if (++k_block >= p_.k_blocks) return {};
    }
    if (!p_.packs_right) {
      return {PackedRight(call_, p_, batch_, k_block, j), p_.panel_bytes() / kAlign, kAlign, 1};
    }
    if (s_.rhs_column != 1) return {};  // few rows: nothing to hide it behind
    const StripSource strip = RightStrip(call_, p_, batch_, k_block, j);
    const int64_t element = static_cast<int64_t>(SizeOf(s_.rhs));
    return {static_cast<const char*>(strip.data), strip.k, s_.rhs_k * element,
            CeilDiv(strip.width * element, kAlign)};
  }

  // Like `rows`, those that are read for the first time after tile (i, j).
  void SetNextRows(int64_t k_block, int64_t i, int64_t j, const Fetch& rows, Fetch* next) const {
    const bool last = j + 1 == column_end_ && i + 1 == row_end_ && k_block + 1 < p_.k_blocks;
    if (!last && (j != column_begin_ || i + 1 == row_end_)) return;
    next->SetForm(rows);
    next->at = static_cast<const char*>(
        (last ? LeftStrip(k_block + 1, row_begin_) : LeftStrip(k_block, i + 1)).data);
  }

  // What is read of a left operand that is packed by terms after a block of k.
  Area NextLeft(int64_t k_block) const {
    if (p_.by_row() || ++k_block >= p_.k_blocks) return {};
    const StripSource first = LeftStrip(k_block, row_begin_);
    const int64_t rows =
        std::min(s_.m, row_end_ * kernel_.tile_rows) - row_begin_ * kernel_.tile_rows;
    return {static_cast<const char*>(first.data), first.k, s_.lhs_k * lhs_bytes(),
            CeilDiv(rows * lhs_bytes(), kAlign) + 1};
  }

  const tsr_kernel_call* call_;
  const GemmParams& p_;
  const MatmulShape& s_;
  const GemmKernel& kernel_;
  int64_t batch_;
  int64_t row_begin_, row_end_;        // panels
  int64_t column_begin_, column_end_;  // panels
  bool streams_;
  // A panel that the task packs itself; left panels and sums follow.
  char* const right_;
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

// All but the blocks. Refuses what the driver cannot do.
int32_t ReadParams(const MatmulShape& shape, const GemmKernel& kernel, GemmParams* p,
                   char* reason) {
  constexpr int64_t kMaxDim = int64_t{1} << 31;
  if (shape.m >= kMaxDim || shape.n >= kMaxDim || shape.k >= kMaxDim) {
    return Decline(reason, "matmul: more than 2^31 rows, columns or terms");
  }
  if (kernel.tile_columns > kMostTileColumns ||
      std::max(kernel.row_block_bytes, kernel.unit_block_bytes) > kMostBlockBytes) {
    return Decline(reason, "matmul: the kernel's panels are too large");
  }
  p->shape = shape;
  p->kernel = &kernel;
  p->row_panels = static_cast<int32_t>(CeilDiv(shape.m, kernel.tile_rows));
  p->column_panels = static_cast<int32_t>(CeilDiv(shape.n, kernel.tile_columns));
  p->k_blocks = static_cast<int32_t>(CeilDiv(shape.k, p->block_k()));
  return 0;
}

}  // namespace

int32_t PlanGemm(const MatmulShape& shape, const GemmKernel& kernel, const int64_t* knobs,
                 tsr_kernel_plan* plan, char* reason) {
  GemmParams p = {};
  if (ReadParams(shape, kernel, &p, reason) != 0) return 1;
  if (knobs == nullptr) {
    ChooseBlocks(&p);
  } else if (!SetBlocks(knobs, &p)) {
    return Decline(reason, "matmul: these blocks are not legal for the shape");
  }
  const bool empty = shape.batch * shape.m * shape.n == 0;
  const int64_t matrices = p.rhs_batches() * p.k_blocks;
  plan->run = RunGemm;
  plan->phase_count = 2;
  plan->tasks[0] = empty || p.packs_right ? 0 : matrices * CeilDiv(p.column_panels, kPackPanels);
  plan->tasks[1] = empty ? 0
                         : shape.batch * CeilDiv(p.row_panels, p.task_row_panels) *
                               CeilDiv(p.column_panels, p.task_column_panels);
  plan->workspace_bytes = empty || p.packs_right
                              ? 0
                              : static_cast<size_t>(matrices * p.column_panels * p.panel_bytes());
  SetParams(plan, p);
  return 0;
}

int32_t ExploreGemm(const MatmulShape& shape, const GemmKernel& kernel, tsr_kernel_space* space,
                    tsr_kernel_visit visit, void* visit_user, char* reason) {
  GemmParams p = {};
  if (ReadParams(shape, kernel, &p, reason) != 0) return 1;
  if (shape.batch * shape.m * shape.n == 0) return Decline(reason, "matmul: there is no result");
  ChooseBlocks(&p);
  ExploreBlocks(p, space, visit, visit_user);
  return 0;
}

}  // namespace tessera::cpu::dense
