#include "kernels/cpu/vector/rotary.h"

#include "kernels/cpu/internal/call.h"
#include "kernels/cpu/internal/targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/cpu/vector/rotary.cc"
#include "hwy/foreach_target.h"  // IWYU pragma: keep
#include "hwy/highway.h"
#include "kernels/cpu/vector/memory-inl.h"

HWY_BEFORE_NAMESPACE();
namespace tessera::cpu::vector::HWY_NAMESPACE {

using Float = hn::ScalableTag<float>;
using Floats = hn::VFromD<Float>;

// Neighbours apart: elements 0, 2, 4, ... and 1, 3, 5, ...
HWY_INLINE void ReadPairs(Float d, const float* from, Floats* even, Floats* odd) {
  hn::LoadInterleaved2(d, from, *even, *odd);
}
HWY_INLINE void ReadPairs(Float d, const BF16* from, Floats* even, Floats* odd) {
  *even = ReadEven(d, from);
  *odd = ReadOdd(d, from);
}

HWY_INLINE void WritePairs(Float d, Floats even, Floats odd, float* to) {
  hn::StoreInterleaved2(even, odd, d, to);
}
HWY_INLINE void WritePairs(Float d, Floats even, Floats odd, BF16* to) {
  WriteEvenOdd(d, even, odd, to);
}

// Halves of the head: a[i] with b[i].
template <class T>
HWY_INLINE void TurnHalves(const T* a, const T* b, const float* cos, const float* sin, int64_t n,
                           T* ya, T* yb) {
  const Float d;
  ForVectors(d, n, [=](int64_t i, auto access) HWY_ATTR {
    const auto first = access.In(d, a + i), second = access.In(d, b + i);
    const auto c = access.In(d, cos + i), s = access.In(d, sin + i);
    access.Out(d, hn::Sub(hn::Mul(first, c), hn::Mul(second, s)), ya + i);
    access.Out(d, hn::Add(hn::Mul(second, c), hn::Mul(first, s)), yb + i);
  });
}

template <class T>
HWY_INLINE void TurnNeighbours(const T* x, const float* cos, const float* sin, int64_t n, T* y) {
  const Float d;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  int64_t i = 0;
  for (; i + lanes <= n; i += lanes) {
    Floats first, second;
    ReadPairs(d, x + 2 * i, &first, &second);
    const auto c = hn::LoadU(d, cos + i), s = hn::LoadU(d, sin + i);
    WritePairs(d, hn::Sub(hn::Mul(first, c), hn::Mul(second, s)),
               hn::Add(hn::Mul(second, c), hn::Mul(first, s)), y + 2 * i);
  }
  for (; i < n; ++i) {
    const float first = Get(x[2 * i]), second = Get(x[2 * i + 1]);
    Put<T>(first * cos[i] - second * sin[i], &y[2 * i]);
    Put<T>(second * cos[i] + first * sin[i], &y[2 * i + 1]);
  }
}

template <class T, bool kInterleaved>
void TurnRows(const void* from, const float* cos, const float* sin, int64_t rows,
              const dense::RotaryShape& shape, void* to) {
  const T* x = static_cast<const T*>(from);
  T* y = static_cast<T*>(to);
  const int64_t half = shape.half, depth = shape.depth;
  for (int64_t row = 0; row < rows; ++row, cos += half, sin += half) {
    for (int64_t head = 0; head < shape.heads; ++head, x += depth, y += depth) {
      if constexpr (kInterleaved) {
        TurnNeighbours(x, cos, sin, half, y);
      } else {
        TurnHalves(x, x + half, cos, sin, half, y, y + half);
      }
      if (depth > 2 * half) std::copy(x + 2 * half, x + depth, y + 2 * half);
    }
  }
}

dense::RotaryTurn PickTurn(DType dtype, bool interleaved) {
  if (dtype == DType::kF32) return interleaved ? TurnRows<float, true> : TurnRows<float, false>;
  if (dtype == DType::kBF16) return interleaved ? TurnRows<BF16, true> : TurnRows<BF16, false>;
  return nullptr;
}

}  // namespace tessera::cpu::vector::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace tessera::cpu::vector {
namespace {

HWY_EXPORT(PickTurn);

}  // namespace

dense::RotaryTurn PickRotaryTurn(const tsr_kernel_call* call, DType dtype, bool interleaved) {
  return TESSERA_FOR_CALL(PickTurn, call)(dtype, interleaved);
}

}  // namespace tessera::cpu::vector
#endif  // HWY_ONCE
