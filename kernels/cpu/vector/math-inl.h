// exp and the activations on vectors of fp32. Compiled once per instruction set.
//
// Errors, measured over all kinds of arguments by tests/kernels: exp 2 ulp; sigmoid and silu 4 ulp;
// the normal tail 1e-6 relative up to |x| = 6 and growing with x^2 beyond, where it is below 1e-9.
// Infinite, NaN and subnormal arguments behave as in scalar code.
#if defined(TESSERA_VECTOR_MATH_INL_H) == defined(HWY_TARGET_TOGGLE)
#ifndef TESSERA_VECTOR_MATH_INL_H
#define TESSERA_VECTOR_MATH_INL_H
#else
#undef TESSERA_VECTOR_MATH_INL_H
#endif

#include <type_traits>

#include "hwy/highway.h"
#include "kernels/cpu/internal/exp_avx512.h"
#include "kernels/cpu/vector/memory-inl.h"

HWY_BEFORE_NAMESPACE();
namespace tessera::cpu::vector::HWY_NAMESPACE {

// At least `low`, at most `high`; NaN stays, for comparisons with it are false and the instructions
// give their second operand when one of them is NaN.
template <class D>
HWY_INLINE Vec<D> AtLeast(D d, float low, Vec<D> x) {
#if TESSERA_IS_AVX512
  if constexpr (std::is_same_v<Vec<D>, hn::Vec512<float>>) {
    return Vec<D>{_mm512_max_ps(_mm512_set1_ps(low), x.raw)};
  }
#endif
  return hn::IfThenElse(hn::Lt(x, hn::Set(d, low)), hn::Set(d, low), x);
}
template <class D>
HWY_INLINE Vec<D> AtMost(D d, Vec<D> x, float high) {
#if TESSERA_IS_AVX512
  if constexpr (std::is_same_v<Vec<D>, hn::Vec512<float>>) {
    return Vec<D>{_mm512_min_ps(_mm512_set1_ps(high), x.raw)};
  }
#endif
  return hn::IfThenElse(hn::Gt(x, hn::Set(d, high)), hn::Set(d, high), x);
}

// The larger of both, or `other` where `x` is NaN.
template <class D>
HWY_INLINE Vec<D> LargerNumber(D, Vec<D> other, Vec<D> x) {
#if TESSERA_IS_AVX512
  if constexpr (std::is_same_v<Vec<D>, hn::Vec512<float>>) {
    return Vec<D>{_mm512_max_ps(x.raw, other.raw)};
  }
#endif
  return hn::IfThenElse(hn::Gt(x, other), x, other);
}

// p 2^n, rounded once, for a whole n from -252 to 254.
template <class D>
HWY_INLINE Vec<D> TimesPowerOfTwo(D d, Vec<D> p, Vec<D> n) {
  // In two factors, since no float is 2^129 and none with all its bits 2^-151.
  const hn::RebindToSigned<D> di;
  const auto whole = hn::ConvertTo(di, n);
  const auto first = hn::ShiftRight<1>(whole);
  const auto second = hn::Sub(whole, first);
  const auto bias = hn::Set(di, 127);
  const auto scale1 = hn::BitCast(d, hn::ShiftLeft<23>(hn::Add(first, bias)));
  const auto scale2 = hn::BitCast(d, hn::ShiftLeft<23>(hn::Add(second, bias)));
  return hn::Mul(hn::Mul(p, scale1), scale2);
}

#if TESSERA_IS_AVX512
template <class D>
HWY_INLINE hn::Vec512<float> ExpWithin(D, hn::Vec512<float> x) {
  return {ExpByTable(x.raw)};
}
#endif

// e^x = 2^n e^r with n = round(x / ln 2), |r| <= ln(2) / 2: ln 2 in two parts, the series of e^r to
// r^7 (the rest is below 6e-9); n reaches from -151 to 129.
template <class D, class V>
HWY_INLINE V ExpWithin(D d, V x) {
  const auto n = hn::Round(hn::Mul(x, hn::Set(d, 1.44269504f)));
  auto r = hn::NegMulAdd(n, hn::Set(d, 0.693359375f), x);
  r = hn::NegMulAdd(n, hn::Set(d, -2.12194440e-4f), r);
  auto p = hn::MulAdd(r, hn::Set(d, 1.0f / 5040), hn::Set(d, 1.0f / 720));
  p = hn::MulAdd(p, r, hn::Set(d, 1.0f / 120));
  p = hn::MulAdd(p, r, hn::Set(d, 1.0f / 24));
  p = hn::MulAdd(p, r, hn::Set(d, 1.0f / 6));
  p = hn::MulAdd(p, r, hn::Set(d, 0.5f));
  p = hn::Add(hn::MulAdd(hn::Mul(r, r), p, r), hn::Set(d, 1.0f));
  return TimesPowerOfTwo(d, p, n);
}

template <class D>
HWY_INLINE Vec<D> Exp(D d, Vec<D> x) {
  return ExpWithin(d, AtLeast(d, -104.5f, AtMost(d, x, 89.0f)));
}

// e^x of an x not above 0, as a term of a sum of about 1: what is below e^-87 counts as that, and
// no result is a denormal number, which would be slow.
template <class D>
HWY_INLINE Vec<D> ExpTerm(D d, Vec<D> x) {
  return ExpWithin(d, AtLeast(d, -87.0f, x));
}

// 1 / (1 + e^-x). For a large e^-x the sum rounds to it, and nothing cancels on either side.
template <class D>
HWY_INLINE Vec<D> SigmoidOf(D d, Vec<D> x) {
  const auto one = hn::Set(d, 1.0f);
  return hn::Div(one, hn::Add(one, Exp(d, hn::Neg(x))));
}

// P(X <= x) for a standard normal X, and e^(-x^2/2). With a = |x| and k = 1 / (1 + 0.27 a) the tail
// is e^(-a^2/2) k P(k); P interpolates it at Chebyshev nodes of k for a up to 14.5 (3e-8 relative).
template <class D>
HWY_INLINE Vec<D> NormalBelow(D d, Vec<D> x, Vec<D>* bell) {
  const auto one = hn::Set(d, 1.0f);
  const auto a = hn::Abs(x);
  const auto k = hn::Div(one, hn::MulAdd(a, hn::Set(d, 0.27f), one));
  auto p = hn::MulAdd(k, hn::Set(d, 0.0292058334f), hn::Set(d, -0.127722557f));
  p = hn::MulAdd(p, k, hn::Set(d, 0.172436097f));
  p = hn::MulAdd(p, k, hn::Set(d, -0.0723445625f));
  p = hn::MulAdd(p, k, hn::Set(d, 0.110054217f));
  p = hn::MulAdd(p, k, hn::Set(d, 0.0710775825f));
  p = hn::MulAdd(p, k, hn::Set(d, 0.102063549f));
  p = hn::MulAdd(p, k, hn::Set(d, 0.107507093f));
  p = hn::MulAdd(p, k, hn::Set(d, 0.107722758f));
  *bell = Exp(d, hn::Mul(hn::Mul(a, a), hn::Set(d, -0.5f)));
  const auto tail = hn::Mul(hn::Mul(p, k), *bell);
  return hn::IfThenElse(hn::Gt(x, hn::Zero(d)), hn::Sub(one, tail), tail);
}

// Each activation: value, and value with slope from the same exponential. As in
// internal/scalar_math.h, which has the formulas.
struct VecRelu {
  template <class D>
  static HWY_INLINE Vec<D> Value(D d, Vec<D> x) {
    return hn::IfThenZeroElse(hn::Lt(x, hn::Zero(d)), x);
  }
  template <class D>
  static HWY_INLINE Vec<D> Slope(D d, Vec<D> x, Vec<D>* value) {
    *value = Value(d, x);
    return hn::IfThenElseZero(hn::Gt(x, hn::Zero(d)), hn::Set(d, 1.0f));
  }
};
struct VecSigmoid {
  template <class D>
  static HWY_INLINE Vec<D> Value(D d, Vec<D> x) {
    return SigmoidOf(d, x);
  }
  template <class D>
  static HWY_INLINE Vec<D> Slope(D d, Vec<D> x, Vec<D>* value) {
    const auto s = SigmoidOf(d, x);
    *value = s;
    return hn::Mul(s, hn::Sub(hn::Set(d, 1.0f), s));
  }
};
struct VecSilu {
  template <class D>
  static HWY_INLINE Vec<D> Value(D d, Vec<D> x) {
    return hn::Mul(x, SigmoidOf(d, x));
  }
  template <class D>
  static HWY_INLINE Vec<D> Slope(D d, Vec<D> x, Vec<D>* value) {
    const auto one = hn::Set(d, 1.0f);
    const auto s = SigmoidOf(d, x);
    *value = hn::Mul(x, s);
    return hn::Mul(s, hn::MulAdd(x, hn::Sub(one, s), one));
  }
};
struct VecGelu {
  template <class D>
  static HWY_INLINE Vec<D> Value(D d, Vec<D> x) {
    auto bell = hn::Zero(d);
    return hn::Mul(x, NormalBelow(d, x, &bell));
  }
  template <class D>
  static HWY_INLINE Vec<D> Slope(D d, Vec<D> x, Vec<D>* value) {
    auto bell = hn::Zero(d);
    const auto below = NormalBelow(d, x, &bell);
    *value = hn::Mul(x, below);
    return hn::MulAdd(hn::Mul(x, hn::Set(d, 0.398942280f)), bell, below);
  }
};
struct VecGeluTanh {
  template <class D>
  static HWY_INLINE Vec<D> Gate(D d, Vec<D> x) {
    const auto cube = hn::Mul(hn::Mul(x, x), x);
    const auto inner = hn::MulAdd(cube, hn::Set(d, 0.044715f), x);
    return SigmoidOf(d, hn::Mul(inner, hn::Set(d, 1.59576912f)));
  }
  template <class D>
  static HWY_INLINE Vec<D> Value(D d, Vec<D> x) {
    return hn::Mul(x, Gate(d, x));
  }
  template <class D>
  static HWY_INLINE Vec<D> Slope(D d, Vec<D> x, Vec<D>* value) {
    const auto one = hn::Set(d, 1.0f);
    const auto s = Gate(d, x);
    *value = hn::Mul(x, s);
    const auto bend = hn::Mul(s, hn::Sub(one, s));
    const auto steep = hn::MulAdd(hn::Mul(x, x), hn::Set(d, 0.134145f), one);
    const auto rise = hn::Mul(hn::Mul(x, bend), hn::Mul(steep, hn::Set(d, 1.59576912f)));
    // Far out bend is 0 while steep may be infinite.
    return hn::IfThenElse(hn::Eq(bend, hn::Zero(d)), s, hn::Add(s, rise));
  }
};

}  // namespace tessera::cpu::vector::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // include toggle of one instruction set
