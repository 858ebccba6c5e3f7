// Vector attention and its gradient: blocks of 64 queries by 64 keys, sums in fp32.
//
// What the planner (attention_vector.cc, any machine) and the loops (attention_forward.h and
// attention_backward.h, compiled per instruction set) agree on: how a call is cut into tasks and
// where packed blocks lie in the workspace. Memory beyond the operands is linear in the sequence.
// Block sizes follow from the shape and instruction set; the order of every sum follows from
// blocks. A value hidden from a query counts as zero times itself where its block is seen: such
// values must be finite, except rows of a cache that are not written yet, which are not read.
// Thread-safe: plain data.
#pragma once

#include <new>
#include <type_traits>

#include "kernels/cpu/internal/attention_shape.h"

namespace tessera::cpu::dense {

inline constexpr int64_t kAttentionBlock = 64;  // queries, and keys

// How an instruction set packs: k elements to a unit, columns to a panel.
struct AttentionLayout {
  int32_t unit;
  int32_t panel;
};

struct AttentionLoops {
  AttentionLayout layout;
  tsr_kernel_run forward;
  tsr_kernel_run backward;
  tsr_kernel_run bias_backward;
};

// By element type: fp32, bf16 widened to fp32, bf16 pairs.
extern const AttentionLoops kAttentionAvx2F32;
extern const AttentionLoops kAttentionAvx2BF16;
extern const AttentionLoops kAttentionNeonF32;
extern const AttentionLoops kAttentionNeonBF16;
extern const AttentionLoops kAttentionAvx512F32;
extern const AttentionLoops kAttentionAvx512BF16;
extern const AttentionLoops kAttentionAvx512Dot;

// A matrix of blocks of 64 rows, packed two ways. All sizes in bytes.
struct AttentionParams {
  AttentionShape shape;
  int32_t query_blocks;
  int32_t key_blocks;
  // Tasks pack for themselves. Gradient: one task per batch and key head makes dk, dv and dq,
  // |chunk| key blocks at a time. Forward: a task has |chunk| query blocks in any case.
  bool fused;
  bool keeps_dq;  // in the workspace, from chunk to chunk
  int16_t chunk;
  // Offsets in the scratch of a task; of a gradient that is not fused in the workspace.
  // "Columns": [depth unit][64 rows], the rows side by side.
  // "Rows": [panel of columns][row unit][columns of the panel].
  int64_t q_columns;
  int64_t k_columns;
  int64_t v_columns;  // gradient only, as what follows
  int64_t dy_columns;
  int64_t q_rows;
  int64_t k_rows;
  int64_t dy_rows;
  int64_t delta;  // forward: kForwardFacts of each query block
  // Fused gradient: dq of a query block, dk and dv of a chunk; not fused: what does not fit the
  // room. Forward: of each query block.
  int64_t sums;
  int64_t scratch_bytes;  // 0 for a gradient that is not fused
};
static_assert(sizeof(AttentionParams) <= TSR_KERNEL_PARAM_BYTES);

// v by rows, of the forward kernel, takes the place of v by columns.
inline int64_t& ValueRows(AttentionParams& p) { return p.v_columns; }
inline int64_t ValueRows(const AttentionParams& p) { return p.v_columns; }

// Bytes of one block of 64 rows with |depth| columns, packed either way.
inline int64_t ColumnsBlockBytes(int64_t depth, AttentionLayout layout) {
  return CeilDiv(depth, layout.unit) * kAttentionBlock * 4;
}
inline int64_t RowsBlockBytes(int64_t depth, AttentionLayout layout) {
  return CeilDiv(depth, layout.panel) * layout.panel * (kAttentionBlock / layout.unit) * 4;
}
// Floats of 64 rows of sums.
inline int64_t SumsOf(int64_t depth, AttentionLayout layout) {
  return CeilDiv(depth, layout.panel) * layout.panel * kAttentionBlock;
}

// Bytes of a task's scratch in its thread's room, before some 100 KB of one pair of blocks: stays
// in L2.
inline constexpr int64_t kTaskScratch = 432 << 10;

// A pair of blocks, in the room too.
template <class Pair, class... Args>
inline Pair& PairInRoom(const tsr_kernel_call* call, const Args&... args) {
  static_assert(std::is_trivially_destructible_v<Pair>);
  static_assert(kTaskScratch + sizeof(Pair) <= TSR_THREAD_ROOM_BYTES);
  return *new (ThreadRoom(call) + kTaskScratch) Pair(call, args...);
}

// Scratch that does not fit there lies at the begin of the workspace.
inline int64_t SpilledScratch(const AttentionParams& p, int64_t tasks) {
  return p.scratch_bytes > kTaskScratch ? tasks * p.scratch_bytes : 0;
}
inline int64_t SpilledScratch(const AttentionParams& p) {
  return SpilledScratch(p, p.shape.batch * p.shape.key_heads);
}

// Whether sums of so many floats live in the room.
inline bool KeepsSums(int64_t count) { return count * 4 <= kTaskScratch; }

inline char* TaskScratch(const AttentionParams& p, const tsr_kernel_call* call, int64_t task) {
  return p.scratch_bytes > kTaskScratch
             ? static_cast<char*>(call->workspace) + task * p.scratch_bytes
             : ThreadRoom(call);
}

// Forward: floats of a running sum in 16 lanes, and of a maximum, per query.
inline constexpr int64_t kForwardFacts = kAttentionBlock * (16 + 1);
// Tasks of one batch and key head.
inline int64_t ForwardTasksOfHead(const AttentionParams& p) {
  return CeilDiv(p.shape.group() * p.query_blocks, p.chunk);
}
// Where phase 0 packs key block |i|: after the scratch that does not fit the room.
inline void PackedKeys(const AttentionParams& p, const tsr_kernel_call* call, int64_t i,
                       AttentionLayout layout, char** k_columns, char** v_rows) {
  const int64_t heads = p.shape.batch * p.shape.key_heads;
  char* base = static_cast<char*>(call->workspace) +
               SpilledScratch(p, heads * ForwardTasksOfHead(p));
  const int64_t k_bytes = ColumnsBlockBytes(p.shape.depth, layout);
  *k_columns = base + i * k_bytes;
  *v_rows = base + heads * p.key_blocks * k_bytes + i * RowsBlockBytes(p.shape.value_depth, layout);
}

int32_t PlanAttention(const tsr_kernel_call* call, const AttentionLoops& loops, DType dtype,
                      tsr_kernel_plan* plan, char* reason);
int32_t PlanAttentionGrad(const tsr_kernel_call* call, const AttentionLoops& loops, DType dtype,
                          tsr_kernel_plan* plan, char* reason);
int32_t PlanAttentionBiasGrad(const tsr_kernel_call* call, const AttentionLoops& loops,
                              DType dtype, tsr_kernel_plan* plan, char* reason);

// The end of a query's softmax: from the largest score and the sum of e^(score - largest), with
// the sink's share, to the factor on the sum of weighted values and lse. -infinity: no sink.
struct SinkShare {
  float factor;
  float lse;

  SinkShare(float max, float total, float sink) {
    const float infinity = __builtin_inff();
    const float top = max < sink ? sink : max;
    const float shrink = top == max ? 1 : __builtin_expf(max - top);
    if (sink != -infinity) total = total * shrink + __builtin_expf(sink - top);
    factor = total == 0 ? 0 : shrink / total;
    lse = total == 0 ? -infinity : top + __builtin_logf(total);
  }
};

// --- A few queries (attention_few.h) ---

inline constexpr int64_t kFewQueries = 4;         // at most
inline constexpr int64_t kFewQueriesChunk = 256;  // keys

struct FewQueriesLoops {
  tsr_kernel_run f32;
  tsr_kernel_run bf16;
};

extern const FewQueriesLoops kFewQueriesAvx2;
extern const FewQueriesLoops kFewQueriesAvx512;
extern const FewQueriesLoops kFewQueriesNeon;

// What a chunk leaves for one query: two numbers and the values, 64-byte aligned.
inline int64_t FewQueriesResultFloats(const AttentionShape& s) {
  return CeilDiv(s.value_depth + 2, 16) * 16;
}

int32_t PlanFewQueries(const tsr_kernel_call* call, const FewQueriesLoops& loops,
                       tsr_kernel_plan* plan, char* reason);

}  // namespace tessera::cpu::dense
