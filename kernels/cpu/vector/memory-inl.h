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
#include <type_traits>

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

// Two results or sums of one pass.
template <class V>
struct Both {
  V first;
  V second;
};

template <class D>
HWY_INLINE Vec<D> Widen(D d, hn::VFromD<hn::Rebind<uint16_t, D>> half) {
  const hn::RebindToUnsigned<D> bits;
  return hn::BitCast(d, hn::ShiftLeft<16>(hn::PromoteTo(bits, half)));
}

// The bits of x whose upper half is x as bf16.
template <class D>
HWY_INLINE hn::VFromD<hn::RebindToUnsigned<D>> RoundedBits(D d, Vec<D> x) {
  const hn::RebindToUnsigned<D> bits;
  const auto raw = hn::BitCast(bits, x);
  const auto last = hn::And(hn::ShiftRight<16>(raw), hn::Set(bits, 1u));
  const auto rounded = hn::Add(raw, hn::Add(last, hn::Set(bits, 0x7fffu)));
  const auto quiet = hn::Or(raw, hn::Set(bits, 0x400000u));
  return hn::IfThenElse(hn::RebindMask(bits, hn::IsNaN(x)), quiet, rounded);
}

#if HWY_TARGET == HWY_AVX3_ZEN4
// Lanes that the instructions for bf16 would take as zero.
HWY_INLINE __mmask16 DenormalLanes(hn::Vec512<float> x) {
  return _mm512_fpclass_ps_mask(x.raw, 0x20);
}
#endif

template <class D>
HWY_INLINE hn::VFromD<hn::Rebind<uint16_t, D>> Narrow(D d, Vec<D> x) {
  const hn::Rebind<uint16_t, D> half;
#if HWY_TARGET == HWY_AVX3_ZEN4
  if constexpr (hn::MaxLanes(D()) == 16) {
    if (HWY_LIKELY(DenormalLanes(x) == 0)) {
      return {(__m256i)_mm512_cvtneps_pbh(x.raw)};
    }
  }
#endif
  return hn::TruncateTo(half, hn::ShiftRight<16>(RoundedBits(d, x)));
}

// Elements 0, 2, ... and 1, 3, ... of two vectors of bf16: one load and one instruction each, where
// widening in order takes a shuffle more.
template <class D>
HWY_INLINE hn::VFromD<hn::RebindToUnsigned<D>> PairBits(D d, const BF16* from) {
  const hn::RebindToUnsigned<D> bits;
  const hn::Repartition<uint16_t, D> halves;
  return hn::BitCast(bits, hn::LoadU(halves, reinterpret_cast<const uint16_t*>(from)));
}
template <class D>
HWY_INLINE Vec<D> ReadEven(D d, const BF16* from) {
  return hn::BitCast(d, hn::ShiftLeft<16>(PairBits(d, from)));
}
template <class D>
HWY_INLINE Vec<D> ReadOdd(D d, const BF16* from) {
  const hn::RebindToUnsigned<D> bits;
  return hn::BitCast(d, hn::And(PairBits(d, from), hn::Set(bits, 0xffff0000u)));
}

// The way back.
template <class D>
HWY_INLINE void WriteEvenOdd(D d, Vec<D> even, Vec<D> odd, BF16* to) {
  const hn::RebindToUnsigned<D> bits;
  const hn::Repartition<uint16_t, D> halves;
#if HWY_TARGET == HWY_AVX3_ZEN4
  if constexpr (hn::MaxLanes(D()) == 16) {
    if (HWY_LIKELY(_kor_mask16(DenormalLanes(even), DenormalLanes(odd)) == 0)) {
      alignas(64) static constexpr uint16_t kInTurn[32] = {
          0, 16, 1, 17, 2,  18, 3,  19, 4,  20, 5,  21, 6,  22, 7,  23,
          8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31};
      const __m512i in_turn = _mm512_load_si512(kInTurn);
      const __m512i both = (__m512i)_mm512_cvtne2ps_pbh(odd.raw, even.raw);
      _mm512_storeu_si512(to, _mm512_permutexvar_epi16(in_turn, both));
      return;
    }
  }
#endif
  const auto low = hn::ShiftRight<16>(RoundedBits(d, even));
  const auto high = hn::And(RoundedBits(d, odd), hn::Set(bits, 0xffff0000u));
  hn::StoreU(hn::BitCast(halves, hn::Or(low, high)), halves, reinterpret_cast<uint16_t*>(to));
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

// Every other element of two vectors of bf16.
struct EvenAccess {
  template <class D>
  HWY_INLINE Vec<D> In(D d, const BF16* from) const {
    return ReadEven(d, from);
  }
};
struct OddAccess {
  template <class D>
  HWY_INLINE Vec<D> In(D d, const BF16* from) const {
    return ReadOdd(d, from);
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

// body(i) for the pairs of vectors of n elements, where they are bf16; answers with how many
// elements that was. `body` is generic, so as to be compiled for bf16 alone, and marked HWY_ATTR.
template <class T, class D, class F>
HWY_INLINE int64_t ForPairs(D d, int64_t n, const F& body) {
  int64_t i = 0;
  if constexpr (std::is_same_v<T, BF16>) {
    const int64_t step = 2 * static_cast<int64_t>(hn::Lanes(d));
    for (; i + step <= n; i += step) body(i);
  }
  return i;
}

// y[i] = body(i, access) for n elements of operands of one type, which y may lie over: bf16 two
// vectors at a time, so `access` only reads. `body` must be marked HWY_ATTR.
template <class D, class T, class F>
HWY_INLINE void MapVectors(D d, int64_t n, T* y, const F& body) {
  const int64_t paired = ForPairs<T>(d, n, [&](auto i) HWY_ATTR {
    const auto even = body(i, EvenAccess());
    const auto odd = body(i, OddAccess());
    WriteEvenOdd(d, even, odd, y + i);
  });
  ForVectors(d, n - paired, [&](int64_t i, auto access) HWY_ATTR {
    access.Out(d, body(paired + i, access), y + paired + i);
  });
}

// The same for two results.
template <class D, class T, class F>
HWY_INLINE void MapVectors(D d, int64_t n, T* y, T* z, const F& body) {
  const int64_t paired = ForPairs<T>(d, n, [&](auto i) HWY_ATTR {
    const Both<Vec<D>> even = body(i, EvenAccess());
    const Both<Vec<D>> odd = body(i, OddAccess());
    WriteEvenOdd(d, even.first, odd.first, y + i);
    WriteEvenOdd(d, even.second, odd.second, z + i);
  });
  ForVectors(d, n - paired, [&](int64_t i, auto access) HWY_ATTR {
    const Both<Vec<D>> both = body(paired + i, access);
    access.Out(d, both.first, y + paired + i);
    access.Out(d, both.second, z + paired + i);
  });
}

}  // namespace tessera::cpu::vector::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // include toggle of one instruction set
