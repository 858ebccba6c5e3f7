#include "kernels/cpu/internal/attention_shape.h"

#include <limits>

namespace tessera::cpu::dense {
namespace {

bool HasDims(const tsr_operand& operand, std::initializer_list<int64_t> dims) {
  if (operand.rank != static_cast<int32_t>(dims.size())) return false;
  return std::equal(dims.begin(), dims.end(), operand.dims);
}

int32_t CheckOptional(const tsr_kernel_call* call, const AttentionShape& s, char* reason) {
  if (s.query_segments >= 0) {
    const tsr_operand& query = call->inputs[s.query_segments];
    const tsr_operand& key = call->inputs[s.key_segments];
    if (!HasDims(query, {s.batch, s.queries}) || !HasDims(key, {s.batch, s.keys}) ||
        TypeOf(query) != DType::kI32 || TypeOf(key) != DType::kI32) {
      return Decline(reason, "attention: segments must be i32 [batch, queries] and [batch, keys]");
    }
  }
  if (s.start >= 0) {
    const tsr_operand& start = call->inputs[s.start];
    if (!HasDims(start, {s.batch}) || TypeOf(start) != DType::kI32) {
      return Decline(reason, "attention: start must be i32 [batch]");
    }
  }
  return 0;
}

int32_t CheckAdded(const tsr_kernel_call* call, AttentionShape& s, char* reason) {
  const DType wide = s.dtype == DType::kF64 ? DType::kF64 : DType::kF32;
  for (const int32_t i : {s.sinks, s.slopes, s.bias}) {
    if (i < 0) continue;
    const DType dtype = TypeOf(call->inputs[i]);
    if (dtype != wide && dtype != s.dtype) {
      return Decline(reason, "attention: sinks, slopes and bias must be as q or as sums are");
    }
  }
  for (const int32_t i : {s.sinks, s.slopes}) {
    if (i >= 0 && !HasDims(call->inputs[i], {s.heads})) {
      return Decline(reason, "attention: sinks and slopes must be [heads]");
    }
  }
  if (s.bias < 0) return 0;
  const tsr_operand& bias = call->inputs[s.bias];
  s.bias_by_batch = bias.rank == 4;
  const bool fits = s.bias_by_batch ? HasDims(bias, {s.batch, s.heads, s.queries, s.keys})
                                    : HasDims(bias, {s.heads, s.queries, s.keys});
  if (fits) return 0;
  return Decline(reason, "attention: bias must be [heads, queries, keys], with or without batch");
}

}  // namespace

int32_t ReadAttentionShape(const tsr_kernel_call* call, int32_t main_inputs,
                           AttentionShape* shape, char* reason) {
  AttentionShape& s = *shape;
  const bool has_segments = BoolAttr(call, "has_segments");
  const bool has_start = BoolAttr(call, "has_start");
  const bool has_sinks = BoolAttr(call, "has_sinks");
  const bool has_slopes = BoolAttr(call, "has_slopes");
  const bool has_bias = BoolAttr(call, "has_bias");
  const int32_t wanted =
      main_inputs + 2 * has_segments + has_start + has_sinks + has_slopes + has_bias;
  if (call->input_count != wanted) {
    return Decline(reason, "attention: operand count does not fit the attributes has_...");
  }
  const tsr_operand& q = call->inputs[0];
  const tsr_operand& k = call->inputs[1];
  const tsr_operand& v = call->inputs[2];
  if (q.rank != 4 || k.rank != 4 || v.rank != 4) {
    return Decline(reason, "attention: q, k, v must have rank 4");
  }
  s.batch = q.dims[0];
  s.queries = q.dims[1];
  s.heads = q.dims[2];
  s.depth = q.dims[3];
  s.keys = k.dims[1];
  s.key_heads = k.dims[2];
  s.value_depth = v.dims[3];
  s.dtype = TypeOf(q);
  if (!HasDims(k, {s.batch, s.keys, s.key_heads, s.depth}) ||
      !HasDims(v, {s.batch, s.keys, s.key_heads, s.value_depth})) {
    return Decline(reason, "attention: dims of q, k and v do not fit each other");
  }
  if (TypeOf(k) != s.dtype || TypeOf(v) != s.dtype) {
    return Decline(reason, "attention: q, k and v must have one dtype");
  }
  if (s.key_heads == 0 ? s.heads != 0 : s.heads % s.key_heads != 0) {
    return Decline(reason, "attention: query heads must be a multiple of key heads");
  }
  s.causal = BoolAttr(call, "causal");
  // Beyond every position it is no window; sums with positions then stay in 64 bits.
  s.window = std::clamp<int64_t>(IntAttr(call, "window", 0), 0, int64_t{1} << 60);
  s.scale = FloatAttr(call, "scale", 1.0);
  s.softcap = FloatAttr(call, "softcap", 0.0);
  int32_t next = main_inputs;
  if (has_segments) {
    s.query_segments = static_cast<int8_t>(next++);
    s.key_segments = static_cast<int8_t>(next++);
  }
  if (has_start) s.start = static_cast<int8_t>(next++);
  if (has_sinks) s.sinks = static_cast<int8_t>(next++);
  if (has_slopes) s.slopes = static_cast<int8_t>(next++);
  if (has_bias) s.bias = static_cast<int8_t>(next);
  if (CheckOptional(call, s, reason) != 0) return 1;
  return CheckAdded(call, s, reason);
}

AttentionMask MaskOf(const tsr_kernel_call* call, const AttentionShape& s, int64_t batch) {
  AttentionMask mask;
  mask.causal = s.causal;
  mask.window = s.window;
  mask.first = s.keys - s.queries;
  mask.limit = s.keys;
  if (s.start >= 0) {
    const int64_t start = static_cast<const int32_t*>(call->inputs[s.start].data)[batch];
    mask.first = start;
    mask.limit = std::clamp<int64_t>(start + s.queries, 0, s.keys);
  }
  if (s.query_segments >= 0) {
    mask.query_segments =
        static_cast<const int32_t*>(call->inputs[s.query_segments].data) + batch * s.queries;
    mask.key_segments =
        static_cast<const int32_t*>(call->inputs[s.key_segments].data) + batch * s.keys;
  }
  return mask;
}

ScoreAdditions AdditionsOf(const tsr_kernel_call* call, const AttentionShape& s, int64_t batch,
                           int64_t head, const AttentionMask& mask) {
  ScoreAdditions additions;
  additions.keys = s.keys;
  additions.first = mask.first;
  if (s.slopes >= 0) {
    const tsr_operand& slopes = call->inputs[s.slopes];
    additions.slope = LoadAs<double>(slopes.data, TypeOf(slopes), head);
  }
  if (s.bias >= 0) {
    const tsr_operand& bias = call->inputs[s.bias];
    const int64_t row = ((s.bias_by_batch ? batch * s.heads : 0) + head) * s.queries;
    const int64_t bytes = static_cast<int64_t>(SizeOf(TypeOf(bias)));
    additions.bias = static_cast<const char*>(bias.data) + row * s.keys * bytes;
    additions.bias_dtype = TypeOf(bias);
  }
  return additions;
}

double SinkOf(const tsr_kernel_call* call, const AttentionShape& s, int64_t head) {
  if (s.sinks < 0) return -std::numeric_limits<double>::infinity();
  const tsr_operand& sinks = call->inputs[s.sinks];
  return LoadAs<double>(sinks.data, TypeOf(sinks), head);
}

}  // namespace tessera::cpu::dense
