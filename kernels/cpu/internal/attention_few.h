// Attention of a few queries over many keys, as when decoding from a cache. On Vec; included after
// a vec_*.h, in one .cc file per instruction set.
//
// Keys and values are read where they lie, each once per query row of its group while in L1. A
// phase 0 task takes one chunk of keys of a batch and key head: scores, weights relative to the
// chunk's own maximum, weighted values. Phase 1 joins the chunks of a query in rising order.
// Masked and unwritten rows are not read. Chunks follow from the number of keys alone.
#pragma once

#include "kernels/cpu/internal/attention_vector.h"

namespace tessera::cpu::dense {
namespace {

// What a chunk leaves for one query: maximum, sum of weights, weighted values.
struct ChunkResult {
  float* max;
  float* total;
  float* values;

  ChunkResult(const tsr_kernel_call* call, const AttentionShape& s, int64_t query_row,
              int64_t chunk) {
    const int64_t chunks = CeilDiv(s.keys, kFewQueriesChunk);
    max = static_cast<float*>(call->workspace) +
          (query_row * chunks + chunk) * FewQueriesResultFloats(s);
    total = max + 1;
    values = max + 2;
  }
};

template <class T>
float DotRows(const T* a, const T* b, int64_t depth) {
  Vec sums[2] = {Zero(), Zero()};
  int64_t d = 0;
  for (; d + 2 * Vec::kLanes <= depth; d += 2 * Vec::kLanes) {
    sums[0] = MulAdd(LoadV(a + d), LoadV(b + d), sums[0]);
    sums[1] = MulAdd(LoadV(a + d + Vec::kLanes), LoadV(b + d + Vec::kLanes), sums[1]);
  }
  for (; d < depth; d += Vec::kLanes) {
    const int64_t left = depth - d;
    const bool whole = left >= Vec::kLanes;
    const Vec x = whole ? LoadV(a + d) : LoadPart(a + d, left);
    const Vec y = whole ? LoadV(b + d) : LoadPart(b + d, left);
    sums[0] = MulAdd(x, y, sums[0]);
  }
  return SumOf(sums[0] + sums[1]);
}

// out[0 .. width) = sum of weights[i] rows[i], width at most two vectors.
template <class T>
void WeighRows(const float* weights, const T* rows, int64_t step, int64_t count, int64_t width,
               float* out) {
  Vec sums[2] = {Zero(), Zero()};
  const int64_t second = width - Vec::kLanes;
  for (int64_t i = 0; i < count; ++i, rows += step) {
    if (weights[i] == 0) continue;  // hidden, or too small to count: not even NaN passes
    const Vec weight = Splat(weights[i]);
    if (second >= 0) {
      sums[0] = MulAdd(weight, LoadV(rows), sums[0]);
      if (second > 0) {
        const T* at = rows + Vec::kLanes;
        sums[1] = MulAdd(weight, second == Vec::kLanes ? LoadV(at) : LoadPart(at, second), sums[1]);
      }
    } else {
      sums[0] = MulAdd(weight, LoadPart(rows, width), sums[0]);
    }
  }
  StorePart(sums[0], out, second >= 0 ? Vec::kLanes : width);
  if (second > 0) StorePart(sums[1], out + Vec::kLanes, second);
}

template <class T>
void RunChunk(const tsr_kernel_call* call, const AttentionShape& s, int64_t task) {
  const int64_t chunks = CeilDiv(s.keys, kFewQueriesChunk);
  const int64_t chunk = task % chunks;
  const int64_t key_head = task / chunks % s.key_heads;
  const int64_t batch = task / chunks / s.key_heads;
  const AttentionMask mask = MaskOf(call, s, batch);
  const T* q = static_cast<const T*>(call->inputs[0].data);
  const int64_t key_step = s.key_heads * s.depth, value_step = s.key_heads * s.value_depth;
  const T* k = static_cast<const T*>(call->inputs[1].data) + batch * s.keys * key_step +
               key_head * s.depth;
  const T* v = static_cast<const T*>(call->inputs[2].data) + batch * s.keys * value_step +
               key_head * s.value_depth;
  const float scale = static_cast<float>(s.scale), cap = static_cast<float>(s.softcap);
  alignas(64) float weights[kFewQueriesChunk];
  for (int64_t i = 0; i < s.group() * s.queries; ++i) {
    const int64_t head = key_head * s.group() + i / s.queries;
    const int64_t query = i % s.queries;
    const ScoreAdditions additions = AdditionsOf(call, s, batch, head, mask);
    const ChunkResult result(call, s, (batch * s.heads + head) * s.queries + query, chunk);
    const KeyRange range = mask.Range(query);
    const int64_t begin = std::max(range.begin, chunk * kFewQueriesChunk);
    const int64_t end = std::min(range.end, (chunk + 1) * kFewQueriesChunk);
    const T* row = q + ((batch * s.queries + query) * s.heads + head) * s.depth;
    float max = -__builtin_inff();
    for (int64_t key = begin; key < end; ++key) {
      float& score = weights[key - begin];
      score = -__builtin_inff();
      if (!mask.Same(query, key)) continue;
      score = DotRows(row, k + key * key_step, s.depth) * scale;
      if (cap != 0) score = cap * __builtin_tanhf(score / cap);
      if (s.has_additions()) score += additions.At<float>(query, key);
      // A NaN score must reach the result, so it may become the maximum.
      if (!(score <= max)) max = score;
    }
    *result.max = max;
    *result.total = 0;
    if (max == -__builtin_inff()) continue;
    Vec total = Zero();
    for (int64_t at = 0; at < end - begin; at += Vec::kLanes) {
      const Vec weight = WhereLanes(0, end - begin - at,
                                    Exp(LoadV(weights + at) - Splat(max)), Zero());
      total = total + weight;
      StoreV(weight, weights + at);
    }
    *result.total = SumOf(total);
    for (int64_t e = 0; e < s.value_depth; e += 2 * Vec::kLanes) {
      WeighRows(weights, v + begin * value_step + e, value_step, end - begin,
                std::min<int64_t>(2 * Vec::kLanes, s.value_depth - e), result.values + e);
    }
  }
}

template <class T>
void JoinChunks(const tsr_kernel_call* call, const AttentionShape& s, int64_t query_row) {
  const int64_t chunks = CeilDiv(s.keys, kFewQueriesChunk);
  const int64_t head = query_row / s.queries % s.heads;
  const int64_t batch = query_row / s.queries / s.heads;
  const int64_t query = query_row % s.queries;
  T* y = static_cast<T*>(call->outputs[0].data) +
         ((batch * s.queries + query) * s.heads + head) * s.value_depth;
  float max = -__builtin_inff();
  for (int64_t c = 0; c < chunks; ++c) {
    const float of_chunk = *ChunkResult(call, s, query_row, c).max;
    if (!(of_chunk <= max)) max = of_chunk;
  }
  float total = 0;
  for (int64_t c = 0; c < chunks; ++c) {
    const ChunkResult result(call, s, query_row, c);
    if (*result.total != 0) total += *result.total * __builtin_expf(*result.max - max);
  }
  const SinkShare share(max, total, static_cast<float>(SinkOf(call, s, head)));
  for (int64_t e = 0; e < s.value_depth; e += Vec::kLanes) {
    const int64_t left = std::min<int64_t>(Vec::kLanes, s.value_depth - e);
    Vec sum = Zero();
    for (int64_t c = 0; c < chunks; ++c) {
      const ChunkResult result(call, s, query_row, c);
      if (*result.total == 0) continue;
      const Vec factor = Splat(__builtin_expf(*result.max - max));
      sum = MulAdd(LoadPart(result.values + e, left), factor, sum);
    }
    StorePart(sum * Splat(share.factor), y + e, left);
  }
  static_cast<float*>(call->outputs[1].data)[query_row] = share.lse;
}

template <class T>
void RunFewQueries(const tsr_kernel_call* call, const tsr_kernel_plan* plan, int32_t phase,
                   int64_t task) {
  const auto s = Params<AttentionShape>(plan);
  if (phase == 0) {
    RunChunk<T>(call, s, task);
  } else {
    JoinChunks<T>(call, s, task);
  }
}

}  // namespace
}  // namespace tessera::cpu::dense
