#include "kernels/cpu/internal/attention_shape.h"

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

}  // namespace

int32_t ReadAttentionShape(const tsr_kernel_call* call, int32_t main_inputs,
                           AttentionShape* shape, char* reason) {
  AttentionShape& s = *shape;
  const bool has_segments = BoolAttr(call, "has_segments");
  const bool has_start = BoolAttr(call, "has_start");
  const int32_t wanted = main_inputs + (has_segments ? 2 : 0) + (has_start ? 1 : 0);
  if (call->input_count != wanted) {
    return Decline(reason, "attention: operand count does not fit has_segments and has_start");
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
  s.window = std::max<int64_t>(0, IntAttr(call, "window", 0));
  s.scale = FloatAttr(call, "scale", 1.0);
  s.softcap = FloatAttr(call, "softcap", 0.0);
  int32_t next = main_inputs;
  if (has_segments) {
    s.query_segments = static_cast<int8_t>(next++);
    s.key_segments = static_cast<int8_t>(next++);
  }
  if (has_start) s.start = static_cast<int8_t>(next);
  return CheckOptional(call, s, reason);
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

}  // namespace tessera::cpu::dense
