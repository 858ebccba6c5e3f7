// AttentionShape: what an attention call asks for, and which keys each query may see.
//
// Shared by the forward and gradient kernels and by the reference. Reads operands and attributes
// once; which keys a query sees is decided from tensors at run time (KeyRange, segments).
// Chooses no blocks. Thread-safe: plain data.
//
// Dims: B batch, T queries, S keys, H query heads, G key heads, D per head, E per value head.
#pragma once

#include <algorithm>

#include "kernels/cpu/internal/elements.h"

namespace tessera::cpu::dense {

struct AttentionShape {
  int64_t batch = 0;
  int64_t queries = 0;
  int64_t keys = 0;
  int64_t heads = 0;
  int64_t key_heads = 0;
  int64_t depth = 0;
  int64_t value_depth = 0;
  int64_t window = 0;
  double scale = 1;
  double softcap = 0;
  DType dtype = DType::kF32;
  bool causal = false;
  // Positions among the inputs, -1 where absent.
  int8_t query_segments = -1;
  int8_t key_segments = -1;
  int8_t start = -1;
  // These three have the dtype of q or that of sums.
  int8_t sinks = -1;   // [H]: a logit of each head that has no value
  int8_t slopes = -1;  // [H]: how fast scores fall with distance
  int8_t bias = -1;    // [H, T, S] or [B, H, T, S]: added to scores
  bool bias_by_batch = false;

  bool has_additions() const { return slopes >= 0 || bias >= 0; }
  int64_t group() const { return key_heads == 0 ? 1 : heads / key_heads; }
};

// Fills |shape| and returns 0, or writes |reason| and returns 1. |main_inputs| is the number of
// operands before the optional ones: 3 for attention, 6 for its gradients.
int32_t ReadAttentionShape(const tsr_kernel_call* call, int32_t main_inputs,
                           AttentionShape* shape, char* reason);

// Keys [begin, end) of a query; what segments hide is not taken off.
struct KeyRange {
  int64_t begin;
  int64_t end;
};

// The per-batch facts of masking, resolved from the operands of a running call.
struct AttentionMask {
  const int32_t* query_segments = nullptr;  // of this batch; NULL without segments
  const int32_t* key_segments = nullptr;
  int64_t first = 0;  // absolute index of query 0
  int64_t limit = 0;  // no key at or above is seen
  int64_t window = 0;
  bool causal = false;

  // Within [0, limit], whatever |first| is.
  KeyRange Range(int64_t query) const {
    const int64_t at = first + query;
    const int64_t end = causal ? std::min(limit, at + 1) : limit;
    const int64_t begin = window > 0 ? std::clamp<int64_t>(at - window + 1, 0, limit) : 0;
    return {begin, std::max(begin, end)};
  }

  // Queries [begin, end) of |queries| whose range may hold keys of [key_begin, key_end).
  KeyRange Queries(int64_t key_begin, int64_t key_end, int64_t queries) const {
    int64_t begin = causal ? key_begin - first : 0;
    int64_t end = window > 0 ? key_end - 1 + window - first : queries;
    if (key_begin >= limit) end = 0;
    begin = std::clamp<int64_t>(begin, 0, queries);
    return {begin, std::clamp<int64_t>(end, begin, queries)};
  }

  bool Same(int64_t query, int64_t key) const {
    return query_segments == nullptr || query_segments[query] == key_segments[key];
  }
};

AttentionMask MaskOf(const tsr_kernel_call* call, const AttentionShape& shape, int64_t batch);

// Element |at| of floats of a dtype known at run time.
template <class S>
S LoadAs(const void* data, DType dtype, int64_t at) {
  switch (dtype) {
    case DType::kF64:
      return static_cast<S>(static_cast<const double*>(data)[at]);
    case DType::kBF16:
      return static_cast<S>(Load(static_cast<const BF16*>(data)[at]));
    case DType::kF16:
      return static_cast<S>(Load(static_cast<const F16*>(data)[at]));
    default:
      return static_cast<S>(static_cast<const float*>(data)[at]);
  }
}

// What is added to the scores of one batch row and query head, after scale and cap.
struct ScoreAdditions {
  const void* bias = nullptr;  // [queries, keys]
  DType bias_dtype = DType::kF32;
  int64_t keys = 0;
  int64_t first = 0;  // absolute index of query 0
  double slope = 0;

  template <class S>
  S At(int64_t query, int64_t key) const {
    const int64_t distance = first + query - key;
    const S falls = static_cast<S>(slope) * static_cast<S>(distance < 0 ? distance : -distance);
    if (bias == nullptr) return falls;
    return falls + LoadAs<S>(bias, bias_dtype, query * keys + key);
  }
};

ScoreAdditions AdditionsOf(const tsr_kernel_call* call, const AttentionShape& shape,
                           int64_t batch, int64_t head, const AttentionMask& mask);

// The logit of a head's sink, which takes part in the sum of every query; -infinity without one.
double SinkOf(const tsr_kernel_call* call, const AttentionShape& shape, int64_t head);

}  // namespace tessera::cpu::dense
