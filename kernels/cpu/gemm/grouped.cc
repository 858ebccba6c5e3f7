#include "kernels/cpu/gemm/grouped.h"

#include <algorithm>
#include <cstring>

#include "kernels/cpu/gemm/fetch_walk.h"

namespace tessera::cpu::dense {
namespace {

constexpr int64_t kTaskRows = 160;     // of a block of the result, at most, and so many columns
constexpr int64_t kTaskColumns = 512;
constexpr int64_t kMostTileColumns = 64;

// A product C[m, n] = A[m, k] B[k, n] of one expert, and the block of C that a task makes.
struct Block {
  const GemmKernel* kernel;
  const void* lhs;     // element (row, k) at row * lhs_row + k * lhs_k
  const void* rhs;     // element (k, column) at k * rhs_k + column * rhs_column
  void* out;           // [m, n]
  DType in, result;
  int64_t lhs_row, lhs_k, rhs_k, rhs_column, out_step;
  int64_t row_begin, row_end, column_begin, column_end, k;
  // Gathered: the rows, or in a gradient the terms, of A are those of the tokens of these slots.
  const GroupedShape* shape = nullptr;
  const int32_t* slots = nullptr;
  bool gathers_terms = false;
};

// The block, a block of k at a time.
class BlockProduct {
 public:
  explicit BlockProduct(const Block& block)
      : b_(block),
        kernel_(*block.kernel),
        block_units_(kBlockBytes / kernel_.unit_bytes),
        block_k_(block_units_ * kernel_.unit),
        by_row_(b_.lhs_k == 1 && !b_.gathers_terms),
        left_bytes_((by_row_ ? kRowBytes : kBlockBytes) * kernel_.tile_rows) {}

  void Run() {
    const int64_t blocks = std::max<int64_t>(1, CeilDiv(b_.k, block_k_));
    if (kernel_.enter != nullptr) kernel_.enter();
    for (int64_t i = 0; i < blocks; ++i) {
      PackLeft(i * block_k_);
      Multiply(i * block_k_, i == 0, i + 1 == blocks);
    }
    if (kernel_.leave != nullptr) kernel_.leave();
  }

 private:
  int64_t Depth(int64_t first_k) const {
    return std::max<int64_t>(0, std::min(block_k_, b_.k - first_k));
  }
  int64_t element() const { return static_cast<int64_t>(SizeOf(b_.in)); }

  // Rows [first, first + count) of tokens, the columns [column, column + width) of them, side by
  // side.
  const char* Gather(int64_t first, int64_t count, int64_t column, int64_t width) {
    const auto bytes = static_cast<size_t>(width * element());
    const int64_t row_bytes = b_.shape->inner * element();
    char* out = gathered_;
    for (int64_t i = first; i < first + count; ++i, out += bytes) {
      const int64_t token = TokenOf(*b_.shape, b_.slots[i]);
      if (token < 0) {
        std::memset(out, 0, bytes);
      } else {
        std::memcpy(out, static_cast<const char*>(b_.lhs) + token * row_bytes + column * element(),
                    bytes);
      }
    }
    return gathered_;
  }

  void PackGathered(int64_t first_k) {
    const int64_t depth = Depth(first_k), rows = b_.row_end - b_.row_begin;
    const char* terms = by_row_ ? nullptr : Gather(first_k, depth, b_.row_begin, rows);
    StripSource source;
    source.k = depth;
    source.step = by_row_ ? depth : 1;
    source.k_step = by_row_ ? 1 : rows;
    char* panel = left_;
    for (int64_t row = b_.row_begin; row < b_.row_end; row += kernel_.tile_rows) {
      source.width = std::min<int64_t>(kernel_.tile_rows, b_.row_end - row);
      source.data = by_row_ ? Gather(row, source.width, first_k, depth)
                            : terms + (row - b_.row_begin) * element();
      (by_row_ ? kernel_.pack_rows : kernel_.pack_units)(source, panel);
      panel += left_bytes_;
    }
  }

  void PackLeft(int64_t first_k) {
    if (b_.slots != nullptr) return PackGathered(first_k);
    StripSource source;
    source.k = Depth(first_k);
    source.step = b_.lhs_row;
    source.k_step = b_.lhs_k;
    char* panel = left_;
    for (int64_t row = b_.row_begin; row < b_.row_end; row += kernel_.tile_rows) {
      source.data = static_cast<const char*>(b_.lhs) +
                    (row * b_.lhs_row + first_k * b_.lhs_k) * element();
      source.width = std::min<int64_t>(kernel_.tile_rows, b_.row_end - row);
      (by_row_ ? kernel_.pack_rows : kernel_.pack_units)(source, panel);
      panel += left_bytes_;
    }
  }

  void PackRight(int64_t first_k, int64_t column) {
    StripSource source;
    source.k = Depth(first_k);
    source.step = b_.rhs_column;
    source.k_step = b_.rhs_k;
    source.data = static_cast<const char*>(b_.rhs) +
                  (first_k * b_.rhs_k + column * b_.rhs_column) * element();
    source.width = std::min<int64_t>(kernel_.tile_columns, b_.column_end - column);
    kernel_.pack_rhs(source, right_);
  }

  // What is packed of the right operand after the panel of |column|; nothing where rows are read
  // along, which gains nothing.
  Area NextRight(int64_t first_k, int64_t column) const {
    column += kernel_.tile_columns;
    if (column >= b_.column_end) {
      column = b_.column_begin;
      first_k += block_k_;
    }
    if (b_.rhs_column != 1 || Depth(first_k) == 0) return {};
    const int64_t width = std::min<int64_t>(kernel_.tile_columns, b_.column_end - column);
    return {static_cast<const char*>(b_.rhs) + (first_k * b_.rhs_k + column) * element(),
            Depth(first_k), b_.rhs_k * element(), CeilDiv(width * element(), kAlign)};
  }

  void Multiply(int64_t first_k, bool first, bool last) {
    const int64_t units = CeilDiv(Depth(first_k), kernel_.unit);
    const TileProduct product = by_row_ ? kernel_.product_rows : kernel_.product_units;
    const int64_t out_bytes = static_cast<int64_t>(SizeOf(b_.result));
    const int64_t tiles = CeilDiv(b_.row_end - b_.row_begin, kernel_.tile_rows);
    const int64_t fetches = units * kernel_.fetches;
    float* sums = sums_;
    for (int64_t column = b_.column_begin; column < b_.column_end; column += kernel_.tile_columns) {
      PackRight(first_k, column);
      Area next = NextRight(first_k, column);
      if (next.rows * next.lines > tiles * fetches) {   // an expert of few rows
        FetchNow(next);
        next = {};
      }
      FetchWalk next_right(next, tiles, fetches, right_);
      const char* left = left_;
      for (int64_t row = b_.row_begin; row < b_.row_end; row += kernel_.tile_rows) {
        TileTarget target;
        target.rows = static_cast<int32_t>(std::min<int64_t>(kernel_.tile_rows, b_.row_end - row));
        target.columns =
            static_cast<int32_t>(std::min<int64_t>(kernel_.tile_columns, b_.column_end - column));
        target.bf16 = last && b_.result == DType::kBF16;
        target.out = last ? static_cast<void*>(static_cast<char*>(b_.out) +
                                               (row * b_.out_step + column) * out_bytes)
                          : sums;
        target.out_step = last ? b_.out_step : kernel_.tile_columns;
        target.add = first ? nullptr : sums;
        target.add_step = kernel_.tile_columns;
        target.left = {left + left_bytes_, kAlign, 2};
        target.right = next_right.Next();
        product(units, left, right_, target);
        sums += kernel_.tile_rows * kernel_.tile_columns;
        left += left_bytes_;
      }
    }
  }

  const Block& b_;
  const GemmKernel& kernel_;
  const int64_t block_units_, block_k_;
  const bool by_row_;
  const int64_t left_bytes_;   // of a panel
  // Sums of earlier blocks of k, tile by tile; panels of one block of k.
  alignas(kAlign) float sums_[kTaskRows * kTaskColumns];
  alignas(kAlign) char left_[kTaskRows * kRowBytes];
  alignas(kAlign) char right_[kMostTileColumns * kBlockBytes];
  alignas(kAlign) char gathered_[kTaskRows * kBlockBytes];   // of a block of k
};

// Whole tiles in a block of at most `most`, shared evenly among as few blocks as will do.
int64_t EvenBlock(int64_t size, int64_t tile, int64_t most) {
  const int64_t tiles = std::max<int64_t>(1, CeilDiv(size, tile));
  const int64_t blocks = CeilDiv(tiles, most / tile);
  return CeilDiv(tiles, blocks) * tile;
}

struct GroupedParams {
  GroupedShape shape;
  const GemmKernel* kernel;
  FewRowsRun few;          // NULL: none
  int64_t column_block;
  int64_t row_block;       // gradient only
  int64_t most_chunks;     // of rows of one expert
  int64_t few_slots;       // places for widened rows

  // Workspace: begins, then the number of chunks, then chunks, then widened rows.
  int64_t begins_bytes() const { return (shape.experts + 2) * 8; }
  int64_t chunks_bytes() const { return most_chunks * 32; }
};
static_assert(sizeof(GroupedParams) <= TSR_KERNEL_PARAM_BYTES);

struct Chunk {
  int64_t expert, begin, end;   // rows of the whole list
  int64_t few;                  // place of its widened rows, or -1
};
static_assert(sizeof(Chunk) == 32);

int64_t* Begins(const tsr_kernel_call* call) { return static_cast<int64_t*>(call->workspace); }
Chunk* Chunks(const tsr_kernel_call* call, const GroupedParams& p) {
  return reinterpret_cast<Chunk*>(static_cast<char*>(call->workspace) + p.begins_bytes());
}
float* Widened(const tsr_kernel_call* call, const GroupedParams& p, int64_t place) {
  return reinterpret_cast<float*>(static_cast<char*>(call->workspace) + p.begins_bytes() +
                                  p.chunks_bytes()) +
         place * kFewRows * p.shape.inner;
}

const char* RowsAt(const tsr_operand& operand, int64_t row, int64_t columns) {
  return static_cast<const char*>(operand.data) +
         row * columns * static_cast<int64_t>(SizeOf(TypeOf(operand)));
}

// Cuts every expert's rows into even chunks. Rows that are nobody's get their zeros here.
void MakeChunks(const tsr_kernel_call* call, const GroupedParams& p) {
  const GroupedShape& s = p.shape;
  int64_t* begins = Begins(call);
  FindBegins(call, static_cast<const int32_t*>(call->inputs[2].data), s.rows, s.experts, begins);
  Chunk* chunk = Chunks(call, p);
  int64_t few = 0;
  for (int64_t e = 0; e < s.experts; ++e) {
    const int64_t count = begins[e + 1] - begins[e];
    if (count == 0) continue;
    if (p.few != nullptr && count <= kFewRows) {
      *chunk++ = {e, begins[e], begins[e + 1], few++};
      continue;
    }
    const int64_t step = EvenBlock(count, p.kernel->tile_rows, kTaskRows);
    for (int64_t row = begins[e]; row < begins[e + 1]; row += step) {
      *chunk++ = {e, row, std::min(begins[e + 1], row + step), -1};
    }
  }
  begins[s.experts + 1] = chunk - Chunks(call, p);
  const int64_t end = begins[s.experts];
  const int64_t row_bytes = s.columns * static_cast<int64_t>(SizeOf(s.out));
  std::memset(static_cast<char*>(call->outputs[0].data) + end * row_bytes, 0,
              static_cast<size_t>((s.rows - end) * row_bytes));
}

template <class T>
void WidenRows(const tsr_kernel_call* call, const GroupedParams& p, const Chunk& chunk) {
  const int64_t inner = p.shape.inner;
  const int32_t* slots = SlotsOf(call, p.shape);
  float* out = Widened(call, p, chunk.few);
  for (int64_t row = chunk.begin; row < chunk.end; ++row, out += inner) {
    const int64_t at = slots == nullptr ? row : TokenOf(p.shape, slots[row]);
    if (at < 0) {
      std::fill_n(out, inner, 0.0f);
      continue;
    }
    const T* x = static_cast<const T*>(call->inputs[0].data) + at * inner;
    for (int64_t i = 0; i < inner; ++i) out[i] = Load(x[i]);
  }
}

void RunFew(const tsr_kernel_call* call, const GroupedParams& p, const Chunk& chunk,
            int64_t begin, int64_t end) {
  const GroupedShape& s = p.shape;
  FewRows work;
  work.lhs = Widened(call, p, chunk.few);
  work.rhs = RowsAt(call->inputs[1], chunk.expert * s.inner, s.columns);
  work.out = const_cast<char*>(RowsAt(call->outputs[0], chunk.begin, s.columns));
  work.rows = chunk.end - chunk.begin;
  work.k = s.inner;
  work.k_step = s.transposed ? 1 : s.columns;
  work.column_step = s.transposed ? s.inner : 1;
  work.out_step = s.columns;
  work.begin = begin;
  work.end = end;
  p.few(work);
}

// Rows of x from |first| on.
void SetLeft(const tsr_kernel_call* call, const GroupedShape& s, int64_t first, Block* block) {
  const int32_t* slots = SlotsOf(call, s);
  block->lhs = RowsAt(call->inputs[0], slots == nullptr ? first : 0, s.inner);
  block->shape = &s;
  block->slots = slots == nullptr ? nullptr : slots + first;
}

void RunGrouped(const tsr_kernel_call* call, const tsr_kernel_plan* plan, int32_t phase,
                int64_t task) {
  const auto p = Params<GroupedParams>(plan);
  const GroupedShape& s = p.shape;
  if (phase == 0) {
    MakeChunks(call, p);
    return;
  }
  // Tasks that follow each other share their rows.
  const int64_t blocks = phase == 1 ? 1 : CeilDiv(s.columns, p.column_block);
  if (task / blocks >= Begins(call)[s.experts + 1]) return;
  const Chunk chunk = Chunks(call, p)[task / blocks];
  if (phase == 1) {
    if (chunk.few >= 0) (s.in == DType::kF32 ? WidenRows<float> : WidenRows<BF16>)(call, p, chunk);
    return;
  }
  const int64_t begin = task % blocks * p.column_block;
  const int64_t end = std::min(s.columns, begin + p.column_block);
  if (chunk.few >= 0) {
    RunFew(call, p, chunk, begin, end);
    return;
  }
  Block block;
  block.kernel = p.kernel;
  SetLeft(call, s, chunk.begin, &block);
  block.rhs = RowsAt(call->inputs[1], chunk.expert * s.inner, s.columns);
  block.out = const_cast<char*>(RowsAt(call->outputs[0], chunk.begin, s.columns));
  block.in = s.in;
  block.result = s.out;
  block.lhs_row = s.inner;
  block.lhs_k = 1;
  block.rhs_k = s.transposed ? 1 : s.columns;
  block.rhs_column = s.transposed ? s.inner : 1;
  block.out_step = s.columns;
  block.row_begin = 0;
  block.row_end = chunk.end - chunk.begin;
  block.column_begin = begin;
  block.column_end = end;
  block.k = s.inner;
  BlockProduct product(block);
  product.Run();
}

void RunGroupedGrad(const tsr_kernel_call* call, const tsr_kernel_plan* plan, int32_t phase,
                    int64_t task) {
  const auto p = Params<GroupedParams>(plan);
  const GroupedShape& s = p.shape;
  int64_t* begins = Begins(call);
  if (phase == 0) {
    FindBegins(call, static_cast<const int32_t*>(call->inputs[2].data), s.rows, s.experts, begins);
    return;
  }
  const int64_t column_blocks = CeilDiv(s.columns, p.column_block);
  const int64_t row_blocks = CeilDiv(s.inner, p.row_block);
  const int64_t expert = task / (row_blocks * column_blocks);
  Block block;
  block.kernel = p.kernel;
  SetLeft(call, s, begins[expert], &block);
  block.rhs = RowsAt(call->inputs[1], begins[expert], s.columns);
  block.out = const_cast<char*>(RowsAt(call->outputs[0], expert * s.inner, s.columns));
  block.in = s.in;
  block.result = s.out;
  block.lhs_row = 1;
  block.lhs_k = s.inner;
  block.gathers_terms = block.slots != nullptr;
  block.rhs_k = s.columns;
  block.rhs_column = 1;
  block.out_step = s.columns;
  block.row_begin = task / column_blocks % row_blocks * p.row_block;
  block.row_end = std::min(s.inner, block.row_begin + p.row_block);
  block.column_begin = task % column_blocks * p.column_block;
  block.column_end = std::min(s.columns, block.column_begin + p.column_block);
  block.k = begins[expert + 1] - begins[expert];
  // No rows: one block of k with nothing in it, which stores zeros.
  BlockProduct product(block);
  product.Run();
}

bool Fits(const GroupedShape& shape, const GemmKernel& kernel, char* reason) {
  if (kernel.tile_columns > kMostTileColumns || kernel.tile_rows > kTaskRows) {
    Decline(reason, "grouped_matmul: the kernel's tile is too large");
    return false;
  }
  constexpr int64_t kMaxDim = int64_t{1} << 31;
  if (shape.rows < kMaxDim && shape.inner < kMaxDim && shape.columns < kMaxDim &&
      shape.experts < kMaxDim) {
    return true;
  }
  Decline(reason, "grouped_matmul: more than 2^31 rows, columns or terms");
  return false;
}

FewRowsRun PickFew(const FewRowsKernel& few, DType in, DType out) {
  if (in == DType::kF32) return out == DType::kBF16 ? few.f32_bf16 : few.f32_f32;
  return out == DType::kBF16 ? few.bf16_bf16 : few.bf16_f32;
}

}  // namespace

int32_t PlanGrouped(const GroupedShape& shape, const GemmKernel& kernel, const FewRowsKernel* few,
                    tsr_kernel_plan* plan, char* reason) {
  if (!Fits(shape, kernel, reason)) return 1;
  GroupedParams p = {};
  p.shape = shape;
  p.kernel = &kernel;
  p.few = few == nullptr ? nullptr : PickFew(*few, shape.in, shape.out);
  p.column_block = EvenBlock(shape.columns, kernel.tile_columns, kTaskColumns);
  const int64_t busy = std::min(shape.experts, shape.rows);
  p.most_chunks = busy + shape.rows / (kTaskRows / kernel.tile_rows * kernel.tile_rows) + 1;
  p.few_slots = p.few == nullptr ? 0 : busy;
  const bool empty = shape.rows * shape.columns == 0;
  plan->run = RunGrouped;
  plan->phase_count = 3;
  plan->tasks[0] = empty ? 0 : 1;
  plan->tasks[1] = empty || p.few == nullptr ? 0 : p.most_chunks;
  plan->tasks[2] = empty ? 0 : p.most_chunks * CeilDiv(shape.columns, p.column_block);
  plan->workspace_bytes = static_cast<size_t>(p.begins_bytes() + p.chunks_bytes() +
                                              p.few_slots * kFewRows * shape.inner * 4);
  SetParams(plan, p);
  return 0;
}

int32_t PlanGroupedGrad(const GroupedShape& shape, const GemmKernel& kernel,
                        tsr_kernel_plan* plan, char* reason) {
  if (!Fits(shape, kernel, reason)) return 1;
  GroupedParams p = {};
  p.shape = shape;
  p.kernel = &kernel;
  p.column_block = EvenBlock(shape.columns, kernel.tile_columns, kTaskColumns);
  p.row_block = EvenBlock(shape.inner, kernel.tile_rows, kTaskRows);
  const bool empty = shape.inner * shape.columns == 0;
  plan->run = RunGroupedGrad;
  plan->phase_count = 2;
  plan->tasks[0] = empty ? 0 : 1;
  plan->tasks[1] = empty ? 0
                         : shape.experts * CeilDiv(shape.inner, p.row_block) *
                               CeilDiv(shape.columns, p.column_block);
  plan->workspace_bytes = static_cast<size_t>(p.begins_bytes());
  SetParams(plan, p);
  return 0;
}

}  // namespace tessera::cpu::dense
