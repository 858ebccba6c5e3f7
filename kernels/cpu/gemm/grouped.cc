#include "kernels/cpu/gemm/grouped.h"

#include <algorithm>
#include <cstring>

#include "kernels/cpu/gemm/fetch_walk.h"

namespace tessera::cpu::dense {
namespace {

constexpr int64_t kTaskRows = 160;     // of a block of the result, at most, and so many columns
constexpr int64_t kTaskColumns = 512;
constexpr int64_t kMostTileColumns = 64;
constexpr int64_t kAheadLines = 4;     // of a row of a matrix, fetched one after the other
// A result that is larger is streamed past the caches, as in gemm/driver.cc.
constexpr int64_t kStreamBytes = 8 << 20;

// A product C[m, n] = A[m, k] B[k, n] of one expert, and the block of C that a task makes.
struct Block {
  const GemmKernel* kernel;
  const void* lhs;     // element (row, k) at row * lhs_row + k * lhs_k
  const void* rhs;     // element (k, column) at k * rhs_k + column * rhs_column
  void* out;           // [m, n]
  DType in, result;
  int64_t lhs_row, lhs_k, rhs_k, rhs_column, out_step;
  int64_t row_begin, row_end, column_begin, column_end, k;
  bool streams = false;
  // Gathered: the rows, or in a gradient the terms, of A are those of the tokens of these slots.
  const GroupedShape* shape = nullptr;
  const int32_t* slots = nullptr;
  bool gathers_terms = false;
};

// Rows of each of |tiles| tiles: as even as a kernel that rounds up to even numbers can use.
int64_t EvenRows(int64_t rows, int64_t tiles) {
  return tiles == 0 ? 1 : std::min(rows, (CeilDiv(rows, tiles) + 1) / 2 * 2);
}

// The block, a block of k at a time.
class BlockProduct {
 public:
  explicit BlockProduct(const Block& block)
      : b_(block),
        kernel_(*block.kernel),
        block_units_(kBlockBytes / kernel_.unit_bytes),
        block_k_(block_units_ * kernel_.unit),
        by_row_(b_.lhs_k == 1 && !b_.gathers_terms),
        left_bytes_((by_row_ ? kRowBytes : kBlockBytes) * kernel_.tile_rows),
        tiles_(CeilDiv(b_.row_end - b_.row_begin, kernel_.tile_rows)),
        tile_rows_(EvenRows(b_.row_end - b_.row_begin, tiles_)) {}

  void Run() {
    const int64_t blocks = std::max<int64_t>(1, CeilDiv(b_.k, block_k_));
    if (kernel_.enter != nullptr) kernel_.enter();
    if (IsShallow()) {
      RunShallow();
    } else {
      for (int64_t i = 0; i < blocks; ++i) {
        PackLeft(i * block_k_);
        Multiply(i * block_k_, i == 0, i + 1 == blocks);
      }
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
    for (int64_t row = b_.row_begin; row < b_.row_end; row += tile_rows_) {
      source.width = std::min(tile_rows_, b_.row_end - row);
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
    for (int64_t row = b_.row_begin; row < b_.row_end; row += tile_rows_) {
      source.data = static_cast<const char*>(b_.lhs) +
                    (row * b_.lhs_row + first_k * b_.lhs_k) * element();
      source.width = std::min(tile_rows_, b_.row_end - row);
      (by_row_ ? kernel_.pack_rows : kernel_.pack_units)(source, panel);
      panel += left_bytes_;
    }
  }

  void PackRight(int64_t first_k, int64_t column, char* panel) {
    StripSource source;
    source.k = Depth(first_k);
    source.step = b_.rhs_column;
    source.k_step = b_.rhs_k;
    source.data = static_cast<const char*>(b_.rhs) +
                  (first_k * b_.rhs_k + column * b_.rhs_column) * element();
    source.width = std::min<int64_t>(kernel_.tile_columns, b_.column_end - column);
    kernel_.pack_rhs(source, panel);
  }

  // Panels of the right operand of which a row is fetched at a time.
  int64_t FetchedColumns() const {
    if (b_.rhs_column != 1) return kernel_.tile_columns;
    const int64_t panel = kernel_.tile_columns * element();
    return kernel_.tile_columns * std::max<int64_t>(1, kAheadLines * kAlign / panel);
  }

  // What is packed of the right operand from |column| on, or after its end from the first one of
  // the next block of k on.
  Area RightAhead(int64_t first_k, int64_t column) const {
    if (column >= b_.column_end) {
      column = b_.column_begin;
      first_k += block_k_;
    }
    const int64_t depth = Depth(first_k);
    if (depth == 0) return {};
    const int64_t columns = std::min(FetchedColumns(), b_.column_end - column);
    const char* data = static_cast<const char*>(b_.rhs) +
                       (first_k * b_.rhs_k + column * b_.rhs_column) * element();
    if (b_.rhs_column == 1) {
      return {data, depth, b_.rhs_k * element(), CeilDiv(columns * element(), kAlign)};
    }
    return {data, columns, b_.rhs_column * element(), CeilDiv(depth * element(), kAlign)};
  }

  // Of the panels from |column| on. Fetched at once for an expert of few rows.
  FetchWalk WalkAhead(int64_t first_k, int64_t column, int64_t fetches) {
    Area area = RightAhead(first_k, column + FetchedColumns());
    const int64_t tiles = tiles_ * (FetchedColumns() / kernel_.tile_columns);
    if (area.rows * area.lines > tiles * fetches) {
      FetchNow(area);
      area = {};
    }
    return FetchWalk(area, tiles, fetches, right_);
  }

  void Multiply(int64_t first_k, bool first, bool last) {
    const int64_t units = CeilDiv(Depth(first_k), kernel_.unit);
    const TileProduct product = by_row_ ? kernel_.product_rows : kernel_.product_units;
    const int64_t fetches = units * kernel_.fetches;
    FetchWalk ahead({}, 0, 0, right_);
    float* sums = sums_;
    for (int64_t column = b_.column_begin; column < b_.column_end; column += kernel_.tile_columns) {
      PackRight(first_k, column, right_);
      if ((column - b_.column_begin) % FetchedColumns() == 0) {
        ahead = WalkAhead(first_k, column, fetches);
      }
      const char* left = left_;
      for (int64_t row = b_.row_begin; row < b_.row_end; row += tile_rows_) {
        TileTarget target = Result(row, column);
        if (!last) {
          target.out = sums;
          target.out_step = kernel_.tile_columns;
          target.bf16 = target.stream = false;
        }
        target.add = first ? nullptr : sums;
        target.add_step = kernel_.tile_columns;
        target.left = {left + left_bytes_, kAlign, 2};
        target.right = ahead.Next();
        product(units, left, right_, target);
        sums += kernel_.tile_rows * kernel_.tile_columns;
        left += left_bytes_;
      }
    }
  }

  // The tile at |row| and |column| of the result.
  TileTarget Result(int64_t row, int64_t column) const {
    TileTarget target = {};
    target.rows = static_cast<int32_t>(std::min(tile_rows_, b_.row_end - row));
    target.columns =
        static_cast<int32_t>(std::min<int64_t>(kernel_.tile_columns, b_.column_end - column));
    target.bf16 = b_.result == DType::kBF16;
    target.stream = b_.streams;
    target.out = static_cast<char*>(b_.out) +
                 (row * b_.out_step + column) * static_cast<int64_t>(SizeOf(b_.result));
    target.out_step = b_.out_step;
    return target;
  }

  // Whether the right operand lies packed as a whole where sums would.
  bool IsShallow() const {
    const int64_t panels = CeilDiv(b_.column_end - b_.column_begin, kernel_.tile_columns);
    return !by_row_ && b_.k <= block_k_ &&
           panels * PanelBytes() <= static_cast<int64_t>(sizeof(sums_));
  }
  int64_t PanelBytes() const {
    return CeilDiv(b_.k, kernel_.unit) * kernel_.unit_bytes * kernel_.tile_columns;
  }

  // Sums of few terms, as in the gradient of an expert of few rows, are mostly writing: row after
  // row, since lines of many rows at a time are slow to write.
  void RunShallow() {
    const int64_t units = CeilDiv(b_.k, kernel_.unit);
    char* const rights = reinterpret_cast<char*>(sums_);
    PackLeft(0);
    char* right = rights;
    for (int64_t column = b_.column_begin; column < b_.column_end; column += kernel_.tile_columns) {
      PackRight(0, column, right);
      right += PanelBytes();
    }
    const char* left = left_;
    for (int64_t row = b_.row_begin; row < b_.row_end; row += tile_rows_, left += left_bytes_) {
      right = rights;
      for (int64_t column = b_.column_begin; column < b_.column_end;
           column += kernel_.tile_columns, right += PanelBytes()) {
        TileTarget target = Result(row, column);
        target.left = target.right = {left, 0};
        kernel_.product_units(units, left, right, target);
      }
    }
  }

  const Block& b_;
  const GemmKernel& kernel_;
  const int64_t block_units_, block_k_;
  const bool by_row_;
  const int64_t left_bytes_;   // of a panel
  const int64_t tiles_;        // one below the other, all but the last of tile_rows_ rows
  const int64_t tile_rows_;
  // Sums of earlier blocks of k, tile by tile, or all panels on the right; panels of one block of k.
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

// Whether the result is written past the caches, as in gemm/driver.cc.
bool Streams(const tsr_operand& out, int64_t rows, int64_t columns) {
  const int64_t row_bytes = columns * static_cast<int64_t>(SizeOf(TypeOf(out)));
  return rows * row_bytes > kStreamBytes && row_bytes % kAlign == 0 &&
         reinterpret_cast<uintptr_t>(out.data) % kAlign == 0;
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
  block.streams = Streams(call->outputs[0], s.rows, s.columns);
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
  block.streams = Streams(call->outputs[0], s.experts * s.inner, s.columns);
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
