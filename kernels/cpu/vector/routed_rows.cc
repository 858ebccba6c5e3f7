#include "kernels/cpu/vector/routed_rows.h"

#include "kernels/cpu/internal/call.h"
#include "kernels/cpu/internal/targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/cpu/vector/routed_rows.cc"
#include "hwy/foreach_target.h"  // IWYU pragma: keep
#include "hwy/highway.h"
#include "kernels/cpu/vector/memory-inl.h"

HWY_BEFORE_NAMESPACE();
namespace tessera::cpu::vector::HWY_NAMESPACE {

using Float = hn::CappedTag<float, kDotLanes>;
using Floats = hn::VFromD<Float>;

template <class T>
void ScaleRow(const void* from, float weight, int64_t n, void* to) {
  const Float d;
  const T* x = static_cast<const T*>(from);
  T* y = static_cast<T*>(to);
  const auto factor = hn::Set(d, weight);
  ForVectors(d, n, [=](int64_t i, auto access) HWY_ATTR {
    access.Out(d, hn::Mul(factor, access.In(d, x + i)), y + i);
  });
}

template <class T>
void AddRow(const void* from, float weight, int64_t n, float* sums) {
  const Float d;
  const T* x = static_cast<const T*>(from);
  const auto factor = hn::Set(d, weight);
  ForVectors(d, n, [=](int64_t i, auto access) HWY_ATTR {
    const auto term = hn::Mul(factor, access.In(d, x + i));
    access.Out(d, hn::Add(access.In(d, sums + i), term), sums + i);
  });
}

template <class T>
void StoreRow(const float* sums, int64_t n, void* to) {
  const Float d;
  T* y = static_cast<T*>(to);
  ForVectors(d, n, [=](int64_t i, auto access) HWY_ATTR {
    access.Out(d, access.In(d, sums + i), y + i);
  });
}

template <class T>
float DotRows(const void* left, const void* right, int64_t n) {
  const Float d;
  constexpr int64_t kLanes = HWY_MAX_LANES_D(Float), kVecs = kDotLanes / kLanes;
  const T* x = static_cast<const T*>(left);
  const T* y = static_cast<const T*>(right);
  Floats sums[kVecs];
  for (int64_t v = 0; v < kVecs; ++v) sums[v] = hn::Zero(d);
  int64_t i = 0;
  for (; i + kDotLanes <= n; i += kDotLanes) {
    for (int64_t v = 0; v < kVecs; ++v) {
      const int64_t at = i + v * kLanes;
      sums[v] = hn::Add(sums[v], hn::Mul(ReadWhole(d, x + at), ReadWhole(d, y + at)));
    }
  }
  HWY_ALIGN float parts[kDotLanes];
  for (int64_t v = 0; v < kVecs; ++v) hn::Store(sums[v], d, parts + v * kLanes);
  for (int64_t part = 0; i < n; ++i, ++part) parts[part] += Get(x[i]) * Get(y[i]);
  return AddParts(parts);
}

template <class T>
constexpr RoutedRows<float> kRows = {ScaleRow<T>, AddRow<T>, StoreRow<T>, DotRows<T>};

const RoutedRows<float>* PickRows(DType dtype) {
  if (dtype == DType::kF32) return &kRows<float>;
  return dtype == DType::kBF16 ? &kRows<BF16> : nullptr;
}

}  // namespace tessera::cpu::vector::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace tessera::cpu::vector {
namespace {

HWY_EXPORT(PickRows);

}  // namespace

const RoutedRows<float>* PickRoutedRows(const tsr_kernel_call* call, DType dtype) {
  return TESSERA_FOR_CALL(PickRows, call)(dtype);
}

}  // namespace tessera::cpu::vector
#endif  // HWY_ONCE
