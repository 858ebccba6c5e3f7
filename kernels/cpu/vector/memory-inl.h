// Vectors of fp32 or fp64 from and to memory of f32, f64 or bf16. Compiled per instruction set.
//
// bf16 is widened by a shift and rounded to nearest even with integers, so that every instruction
// set gives the bits of the scalar code. The AVX-512 instruction for it takes denormal numbers as
// zero and is used where there are none.
// No alignment is asked for and nothing beyond the elements named is touched.
#if defined(TESSERA_VECTOR_MEMORY_INL_H) == defined(HWY_TARGET_TOGGLE)
#ifndef TESSERA_VECTOR_MEMORY_INL_H
#define TESSERA_VECTOR_MEMORY_INL_H
#else
#undef TESSERA_VECTOR_MEMORY_INL_H
#endif

#include <cstddef>
#include <cstdint>

#include "hwy/highway.h"
#include "kernels/cpu/internal/call.h"

HWY_BEFORE_NAMESPACE();
namespace tessera::cpu::vector::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// The vectors in which elements of type T are computed.
template <class T>
using TagOf = hn::ScalableTag<Compute<T>>;

template <class D>
using Vec = hn::VFromD<D>;

template <class D>
HWY_INLINE Vec<D> Widen(D d, hn::VFromD<hn::Rebind<uint16_t, D>> half) {
  const hn::RebindToUnsigned<D> bits;
  return hn::BitCast(d, hn::ShiftLeft<16>(hn::PromoteTo(bits, half)));
}

template <class D>
HWY_INLINE hn::VFromD<hn::Rebind<uint16_t, D>> Narrow(D d, Vec<D> x) {
  const hn::RebindToUnsigned<D> bits;
  const hn::Rebind<uint16_t, D> half;
#if HWY_TARGET == HWY_AVX3_ZEN4
  if constexpr (hn::MaxLanes(D()) == 16) {
    constexpr int kDenormal = 0x20;
    if (HWY_LIKELY(_mm512_fpclass_ps_mask(x.raw, kDenormal) == 0)) {
      return {(__m256i)_mm512_cvtneps_pbh(x.raw)};
    }
  }
#endif
  const auto raw = hn::BitCast(bits, x);
  const auto upper = hn::ShiftRight<16>(raw);
  const auto last = hn::And(upper, hn::Set(bits, 1u));
  const auto rounded = hn::ShiftRight<16>(hn::Add(raw, hn::Add(last, hn::Set(bits, 0x7fffu))));
  const auto quiet = hn::Or(upper, hn::Set(bits, 0x40u));
  const auto chosen = hn::IfThenElse(hn::RebindMask(bits, hn::IsNaN(x)), quiet, rounded);
  return hn::TruncateTo(half, chosen);
}

// Named apart from Highway's Load and Store, which argument-dependent lookup would find and which
// ask for alignment.
template <class D>
HWY_INLINE Vec<D> ReadWhole(D d, const hn::TFromD<D>* from) {
  return hn::LoadU(d, from);
}
template <class D>
HWY_INLINE Vec<D> ReadWhole(D d, const BF16* from) {
  const hn::Rebind<uint16_t, D> half;
  return Widen(d, hn::LoadU(half, reinterpret_cast<const uint16_t*>(from)));
}
template <class D>
HWY_INLINE void WriteWhole(D d, Vec<D> x, hn::TFromD<D>* to) {
  hn::StoreU(x, d, to);
}
template <class D>
HWY_INLINE void WriteWhole(D d, Vec<D> x, BF16* to) {
  const hn::Rebind<uint16_t, D> half;
  hn::StoreU(Narrow(d, x), half, reinterpret_cast<uint16_t*>(to));
}

// The first `count` lanes, fewer than all; the others are 0.
template <class D>
HWY_INLINE Vec<D> ReadSome(D d, const hn::TFromD<D>* from, size_t count) {
  return hn::LoadN(d, from, count);
}
template <class D>
HWY_INLINE Vec<D> ReadSome(D d, const BF16* from, size_t count) {
  const hn::Rebind<uint16_t, D> half;
  return Widen(d, hn::LoadN(half, reinterpret_cast<const uint16_t*>(from), count));
}
template <class D>
HWY_INLINE void WriteSome(D d, Vec<D> x, hn::TFromD<D>* to, size_t count) {
  hn::StoreN(x, d, to, count);
}
template <class D>
HWY_INLINE void WriteSome(D d, Vec<D> x, BF16* to, size_t count) {
  const hn::Rebind<uint16_t, D> half;
  hn::StoreN(Narrow(d, x), half, reinterpret_cast<uint16_t*>(to), count);
}

// Access to whole vectors and to the tail with one body: body(i, whole) for i = 0, Lanes, ...
struct WholeAccess {
  template <class D, class T>
  HWY_INLINE Vec<D> In(D d, const T* from) const {
    return ReadWhole(d, from);
  }
  template <class D, class T>
  HWY_INLINE void Out(D d, Vec<D> x, T* to) const {
    WriteWhole(d, x, to);
  }
};
struct TailAccess {
  size_t count;
  template <class D, class T>
  HWY_INLINE Vec<D> In(D d, const T* from) const {
    return ReadSome(d, from, count);
  }
  template <class D, class T>
  HWY_INLINE void Out(D d, Vec<D> x, T* to) const {
    WriteSome(d, x, to, count);
  }
};

// body(i, access) for the vectors of n elements. `body` must be marked HWY_ATTR.
template <class D, class F>
HWY_INLINE void ForVectors(D d, int64_t n, const F& body) {
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  int64_t i = 0;
  for (; i + lanes <= n; i += lanes) body(i, WholeAccess());
  if (i < n) body(i, TailAccess{static_cast<size_t>(n - i)});
}

}  // namespace tessera::cpu::vector::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // include toggle of one instruction set
