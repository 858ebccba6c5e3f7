#include "kernels/cpu/internal/attention_vector.h"

#include <algorithm>

namespace tessera::cpu::dense {
namespace {

// With this many key heads over all batches, each is a task of its own and scores are made once.
constexpr int64_t kFusedTasks = 8;
// A forward call is cut into at least this many tasks, where it has as many query blocks.
constexpr int64_t kForwardTasks = 16;

// Hands out 64-byte aligned pieces of the workspace.
class Pieces {
 public:
  int64_t Take(int64_t bytes) {
    const int64_t at = size_;
    size_ += CeilDiv(bytes, 64) * 64;
    return at;
  }
  int64_t size() const { return size_; }

 private:
  int64_t size_ = 0;
};

int32_t Read(const tsr_kernel_call* call, int32_t main_inputs, DType dtype, AttentionParams* p,
             char* reason) {
  if (ReadAttentionShape(call, main_inputs, &p->shape, reason) != 0) return 1;
  if (p->shape.dtype != dtype) return Decline(reason, "attention: the kernel is for another dtype");
  p->query_blocks = static_cast<int32_t>(CeilDiv(p->shape.queries, kAttentionBlock));
  p->key_blocks = static_cast<int32_t>(CeilDiv(p->shape.keys, kAttentionBlock));
  return 0;
}

// Places of the gradients' packed operands, and of delta.
void TakePacked(AttentionParams& p, AttentionLayout layout, int64_t queries, int64_t keys,
                Pieces& pieces) {
  const AttentionShape& s = p.shape;
  p.q_columns = pieces.Take(queries * ColumnsBlockBytes(s.depth, layout));
  p.dy_columns = pieces.Take(queries * ColumnsBlockBytes(s.value_depth, layout));
  p.q_rows = pieces.Take(queries * RowsBlockBytes(s.depth, layout));
  p.dy_rows = pieces.Take(queries * RowsBlockBytes(s.value_depth, layout));
  p.k_columns = pieces.Take(keys * ColumnsBlockBytes(s.depth, layout));
  p.v_columns = pieces.Take(keys * ColumnsBlockBytes(s.value_depth, layout));
  p.k_rows = pieces.Take(keys * RowsBlockBytes(s.depth, layout));
  p.delta = pieces.Take(queries * kAttentionBlock * 4);
}

// A task's scratch: one query block, |chunk| key blocks, and their sums.
void TakeScratch(AttentionParams& p, AttentionLayout layout, int64_t chunk) {
  const AttentionShape& s = p.shape;
  const int64_t dq_sums = SumsOf(s.depth, layout);
  Pieces pieces;
  TakePacked(p, layout, 1, chunk, pieces);
  p.chunk = static_cast<int16_t>(chunk);
  p.sums = pieces.Take((dq_sums + chunk * (dq_sums + SumsOf(s.value_depth, layout))) * 4);
  p.scratch_bytes = pieces.size();
}

void PlanFused(AttentionParams& p, AttentionLayout layout, tsr_kernel_plan* plan) {
  // More would save nothing: packing a query block is a percent then.
  constexpr int64_t kMostChunk = 8;
  const AttentionShape& s = p.shape;
  int64_t chunk = std::clamp<int64_t>(p.key_blocks, 1, kMostChunk);
  TakeScratch(p, layout, chunk);
  while (chunk > 1 && p.scratch_bytes > kTaskScratch) TakeScratch(p, layout, --chunk);
  p.keeps_dq = p.chunk < p.key_blocks && s.dtype != DType::kF32;
  const int64_t queries = s.batch * s.heads * p.query_blocks;
  const int64_t kept = p.keeps_dq ? queries * SumsOf(s.depth, layout) * 4 : 0;
  plan->phase_count = 1;
  plan->tasks[0] = s.batch * s.key_heads;
  plan->workspace_bytes = static_cast<size_t>(SpilledScratch(p) + kept);
}

// A forward task's scratch: |chunk| query blocks with their sums, one key block.
void TakeForwardScratch(AttentionParams& p, AttentionLayout layout, int64_t chunk) {
  const AttentionShape& s = p.shape;
  Pieces pieces;
  p.chunk = static_cast<int16_t>(chunk);
  p.q_columns = pieces.Take(chunk * ColumnsBlockBytes(s.depth, layout));
  p.k_columns = pieces.Take(ColumnsBlockBytes(s.depth, layout));
  ValueRows(p) = pieces.Take(RowsBlockBytes(s.value_depth, layout));
  p.sums = pieces.Take(chunk * SumsOf(s.value_depth, layout) * 4);
  p.delta = pieces.Take(chunk * kForwardFacts * 4);
  p.scratch_bytes = pieces.size();
}

}  // namespace

int32_t PlanAttention(const tsr_kernel_call* call, const AttentionLoops& loops, DType dtype,
                      tsr_kernel_plan* plan, char* reason) {
  AttentionParams p = {};
  if (Read(call, 3, dtype, &p, reason) != 0) return 1;
  const AttentionShape& s = p.shape;
  const int64_t heads = s.batch * s.key_heads;
  // Packed for one head of a single query block, keys would be packed for little.
  p.fused = s.group() == 1 || p.query_blocks > 1;
  // Eight blocks: packing the keys is a percent then.
  int64_t chunk = std::clamp<int64_t>(s.group() * p.query_blocks, 1, 8);
  TakeForwardScratch(p, loops.layout, chunk);
  while (chunk > 1 && (p.scratch_bytes > kTaskScratch ||
                       heads * ForwardTasksOfHead(p) < kForwardTasks)) {
    TakeForwardScratch(p, loops.layout, --chunk);
  }
  const int64_t tasks = heads * ForwardTasksOfHead(p);
  const int64_t keys = p.fused || tasks == 0 ? 0 : heads * p.key_blocks;
  const int64_t key_bytes = ColumnsBlockBytes(s.depth, loops.layout) +
                            RowsBlockBytes(s.value_depth, loops.layout);
  plan->run = loops.forward;
  plan->phase_count = p.fused ? 1 : 2;
  plan->tasks[0] = p.fused ? tasks : keys;
  plan->tasks[1] = p.fused ? 0 : tasks;
  plan->workspace_bytes = static_cast<size_t>(SpilledScratch(p, tasks) + keys * key_bytes);
  SetParams(plan, p);
  return 0;
}

int32_t PlanAttentionGrad(const tsr_kernel_call* call, const AttentionLoops& loops, DType dtype,
                          tsr_kernel_plan* plan, char* reason) {
  AttentionParams p = {};
  if (Read(call, 6, dtype, &p, reason) != 0) return 1;
  const AttentionShape& s = p.shape;
  const AttentionLayout layout = loops.layout;
  const int64_t queries = s.batch * s.heads * p.query_blocks;
  const int64_t keys = s.batch * s.key_heads * p.key_blocks;
  plan->run = loops.backward;
  p.fused = s.batch * s.key_heads >= kFusedTasks;
  if (p.fused) {
    PlanFused(p, layout, plan);
    SetParams(plan, p);
    return 0;
  }
  Pieces pieces;
  TakePacked(p, layout, queries, keys, pieces);
  const int64_t dq_sums = SumsOf(s.depth, layout);
  const int64_t key_sums = dq_sums + SumsOf(s.value_depth, layout);
  // Query tasks first, then key tasks.
  p.sums = pieces.Take(KeepsSums(key_sums) ? 0 : (queries * dq_sums + keys * key_sums) * 4);
  plan->phase_count = 2;
  plan->tasks[0] = queries + keys;
  plan->tasks[1] = queries + keys;
  plan->workspace_bytes = static_cast<size_t>(pieces.size());
  SetParams(plan, p);
  return 0;
}

int32_t PlanAttentionBiasGrad(const tsr_kernel_call* call, const AttentionLoops& loops,
                              DType dtype, tsr_kernel_plan* plan, char* reason) {
  AttentionParams p = {};
  if (Read(call, 6, dtype, &p, reason) != 0) return 1;
  const AttentionShape& s = p.shape;
  if (s.bias < 0) return Decline(reason, "attention_bias_grad: there is no bias");
  Pieces pieces;
  const int64_t blocks = s.heads * p.query_blocks;
  TakePacked(p, loops.layout, s.batch * blocks, s.batch * s.key_heads * p.key_blocks, pieces);
  plan->run = loops.bias_backward;
  plan->phase_count = 2;
  plan->tasks[0] = s.batch * (blocks + s.key_heads * p.key_blocks);
  plan->tasks[1] = (s.bias_by_batch ? s.batch : 1) * blocks;
  plan->workspace_bytes = static_cast<size_t>(pieces.size());
  SetParams(plan, p);
  return 0;
}

int32_t PlanFewQueries(const tsr_kernel_call* call, const FewQueriesLoops& loops,
                       tsr_kernel_plan* plan, char* reason) {
  AttentionShape s;
  if (ReadAttentionShape(call, 3, &s, reason) != 0) return 1;
  if (s.queries > kFewQueries) return Decline(reason, "attention: more than 4 queries");
  if (s.dtype != DType::kF32 && s.dtype != DType::kBF16) {
    return Decline(reason, "attention: the kernel for few queries takes f32 and bf16");
  }
  const int64_t chunks = CeilDiv(s.keys, kFewQueriesChunk);
  const int64_t query_rows = s.batch * s.heads * s.queries;
  plan->run = s.dtype == DType::kF32 ? loops.f32 : loops.bf16;
  plan->phase_count = 2;
  plan->tasks[0] = query_rows == 0 ? 0 : s.batch * s.key_heads * chunks;
  plan->tasks[1] = query_rows;
  plan->workspace_bytes =
      static_cast<size_t>(query_rows * chunks * FewQueriesResultFloats(s)) * sizeof(float);
  SetParams(plan, s);
  return 0;
}

}  // namespace tessera::cpu::dense
