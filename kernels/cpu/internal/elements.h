// Elements, attributes and refusals as the matrix kernels see them.
//
// Storage types with their conversions to the type sums are made in (fp64 for f64, fp32 for all
// other floats), attribute look-up by name, and the one way to refuse a call. Not a tensor
// library: there is no shape logic here. Thread-safe: pure functions.
#pragma once

#include <cstdint>
#include <cstdio>
#include <cstring>

#include "cpp/device/backend.h"
#include "cpp/tensor/dtype.h"

namespace tessera::cpu::dense {

// bf16 and f16 as stored, so that overloads can tell them from integers.
struct BF16 {
  uint16_t bits;
};
struct F16 {
  uint16_t bits;
};

// The type sums are made in, for each storage type.
template <class T>
struct SumType {
  using type = float;
};
template <>
struct SumType<double> {
  using type = double;
};
template <class T>
using Sum = typename SumType<T>::type;

inline double Load(double x) { return x; }
inline float Load(float x) { return x; }
inline float Load(BF16 x) { return FloatFromBF16(x.bits); }
inline float Load(F16 x) { return FloatFromF16(x.bits); }

template <class S>
inline void Store(S x, double* out) {
  *out = static_cast<double>(x);
}
template <class S>
inline void Store(S x, float* out) {
  *out = static_cast<float>(x);
}
template <class S>
inline void Store(S x, BF16* out) {
  out->bits = BF16FromFloat(static_cast<float>(x));
}
template <class S>
inline void Store(S x, F16* out) {
  out->bits = F16FromFloat(static_cast<float>(x));
}

inline DType TypeOf(const tsr_operand& operand) { return static_cast<DType>(operand.dtype); }

inline int64_t CeilDiv(int64_t a, int64_t b) { return (a + b - 1) / b; }

inline const tsr_attr* FindAttr(const tsr_kernel_call* call, const char* name) {
  for (int32_t i = 0; i < call->attr_count; ++i) {
    if (std::strcmp(call->attrs[i].name, name) == 0) return &call->attrs[i];
  }
  return nullptr;
}

inline int64_t IntAttr(const tsr_kernel_call* call, const char* name, int64_t otherwise) {
  const tsr_attr* attr = FindAttr(call, name);
  return attr == nullptr ? otherwise : attr->i;
}

inline bool BoolAttr(const tsr_kernel_call* call, const char* name) {
  return IntAttr(call, name, 0) != 0;
}

// A float attribute; an integer given in its place counts as that number.
inline double FloatAttr(const tsr_kernel_call* call, const char* name, double otherwise) {
  const tsr_attr* attr = FindAttr(call, name);
  if (attr == nullptr) return otherwise;
  return attr->kind == 1 ? static_cast<double>(attr->i) : attr->f;
}

// In `run`: the scratch of the thread.
inline char* ThreadRoom(const tsr_kernel_call* call) {
  return static_cast<char*>(call->thread_room());
}

// Writes why a kernel declines and returns the non-zero code of `prepare`.
inline int32_t Decline(char* reason, const char* why) {
  std::snprintf(reason, TSR_REASON_BYTES, "%s", why);
  return 1;
}

// Keeps a kernel's own plain data in the plan, and gives it back.
template <class P>
inline void SetParams(tsr_kernel_plan* plan, const P& params) {
  static_assert(sizeof(P) <= TSR_KERNEL_PARAM_BYTES);
  std::memcpy(plan->params, &params, sizeof(P));
}
template <class P>
inline P Params(const tsr_kernel_plan* plan) {
  P params;
  std::memcpy(&params, plan->params, sizeof(P));
  return params;
}

}  // namespace tessera::cpu::dense
