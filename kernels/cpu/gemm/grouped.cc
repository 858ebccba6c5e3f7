#include "kernels/cpu/gemm/grouped.h"

#include <algorithm>
#include <cstring>

#include "kernels/cpu/gemm/block_product.h"
#include "kernels/cpu/gemm/streams.h"
#include "kernels/cpu/gemm/turned_product.h"

namespace tessera::cpu::dense {
namespace {

// A task takes more than one window where that leaves tasks enough for many threads.
constexpr int64_t kMostWindows = 4;
constexpr int64_t kManyTasks = 256;
// With fewer tasks they are not made larger.
constexpr int64_t kFewTasks = 64;

struct GroupedParams {
  GroupedShape shape;
  const GemmKernel* kernel;
  FewRowsRun few;          // NULL: none
  int64_t window;          // columns that are summed at a time,
  int64_t column_block;    // and columns of a task
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
  Block block = {};
  block.room = ThreadRoom(call);
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
  block.window = p.window;
  block.column_begin = begin;
  block.column_end = end;
  block.k = s.inner;
  block.streams = IsStreamed(call->outputs[0], s.rows, s.columns);
  TurnsBlock(block) ? MakeTurnedBlock(block) : MakeBlock(block);
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
  Block block = {};
  block.room = ThreadRoom(call);
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
  block.window = p.window;
  block.column_begin = task % column_blocks * p.column_block;
  block.column_end = std::min(s.columns, block.column_begin + p.column_block);
  block.k = begins[expert + 1] - begins[expert];
  block.streams = IsStreamed(call->outputs[0], s.experts * s.inner, s.columns);
  MakeBlock(block);
}

bool Fits(const GroupedShape& shape, const GemmKernel& kernel, char* reason) {
  if (!MakesBlocks(kernel)) {
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
  const int64_t busy = std::min(shape.experts, shape.rows);
  p.most_chunks = busy + shape.rows / (kTaskRows / kernel.tile_rows * kernel.tile_rows) + 1;
  p.few_slots = p.few == nullptr ? 0 : busy;
  const bool keeps_sums = shape.inner > kernel.block_k(true);
  const int64_t wide_tasks = p.most_chunks * CeilDiv(shape.columns, kTaskColumnsWithoutSums);
  p.window = EvenBlock(shape.columns, kernel.tile_columns,
                       keeps_sums               ? kRowTaskColumns
                       : wide_tasks < kFewTasks ? kTaskColumns
                                                : kTaskColumnsWithoutSums);
  const int64_t windows = std::max<int64_t>(1, CeilDiv(shape.columns, p.window));
  const int64_t together =
      std::clamp<int64_t>(p.most_chunks * windows / kManyTasks, 1, kMostWindows);
  p.column_block = EvenBlock(windows, 1, together) * p.window;
  if (!keeps_sums) p.window = p.column_block;
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
  p.column_block = p.window = EvenBlock(shape.columns, kernel.tile_columns, kTaskColumns);
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
