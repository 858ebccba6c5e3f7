// Attend: what the attention modules share: positions, masks, caches, the op.
//
// Not a module. A position takes part by hooks, each of which it may have or not; its own slot
// `position` on the attention stands before what a surrounding decoder provides:
//   rotate        x[B,T,H,D] (queries or keys) -> the same, turned
//   score_slopes  queries [B,T,H,D] -> f32[H] (f64 in fp64): how fast scores fall with distance
//   score_bias    queries [B,T,H,D], keys that are read [B,S,G,D] -> [H,T,S] or [B,H,T,S], added
// A position that has none of them acts on the embeddings alone, or not at all. In decode mode keys
// and values are appended to caches [B,S,G,...] that queries read. Of the graph's errors, see
// Scope. Pure functions.
#pragma once

#include <string_view>

#include "cpp/nn/scope.h"

namespace tessera {

struct AttendSpec {
  double scale = 1;
  bool causal = true;
  int64_t window = 0;
  double softcap = 0;
  ValueId sinks = kNoValue;  // [H]
  ValueId bias = kNoValue;   // [H,T,S] or [B,H,T,S], besides the position's
};

inline ValueId FirstOf(const Values& values) { return values.empty() ? kNoValue : values[0]; }

// Whether the position of this attention has the hook, and its results.
bool PositionHas(Scope& scope, std::string_view hook);
Values CallPosition(Scope& scope, std::string_view hook, const Values& inputs);

// x turned by the position, or x itself.
ValueId Rotated(Scope& scope, ValueId x);

// The state `name` [B,S,G,D] with x[B,T,G,D] appended at the ambient "start". REQUIRES: decode.
ValueId Cached(Scope& scope, std::string_view name, ValueId x);

// Of a sequence to itself: q[B,T,H,D], k[B,T,G,D], v[B,T,G,E] -> [B,T,H,E], with the position's
// slopes and bias, segments, and in decode mode caches "key_cache" and "value_cache".
ValueId AttendSelf(Scope& scope, const AttendSpec& spec, ValueId q, ValueId k, ValueId v);
// The same over keys [B,S,G,D] and values, S at least T, the last of which are the sequence's own;
// those are seen whose segment (i32[B,S]) is 0. Not in decode mode.
ValueId AttendKeys(Scope& scope, const AttendSpec& spec, ValueId q, ValueId k, ValueId v,
                   ValueId segments);
// The op over keys and values that are already those of a cache.
ValueId AttendCache(Scope& scope, const AttendSpec& spec, ValueId q, ValueId keys, ValueId values);
// Of a sequence to another one, all of whose tokens are seen whose segment (i32[B,S], kNoValue for
// none) is that of the query, or 0 in decode mode.
ValueId AttendAcross(Scope& scope, const AttendSpec& spec, ValueId q, ValueId k, ValueId v,
                     ValueId segments);

}  // namespace tessera
