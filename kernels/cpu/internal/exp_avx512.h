// e^x for 16 floats, for both kinds of vectors here: those of vec_avx512.h and Highway's.
//
// e^x = 2^n e^r with n the multiple of 1/16 next to x / ln 2, |r| <= ln(2) / 32, the series of e^r
// to r^3 (the rest is below 1e-8). Adding 3 2^22 leaves the sixteenths in the last bits of a sum:
// the lookup of 2^(n mod 1) in one register reads four of them, scaling takes the whole part of n.
// That is two thirds of the instructions of a series for |r| <= ln(2) / 2, in a shorter chain.
#pragma once

#if defined(__x86_64__)

#include "kernels/cpu/internal/intrinsics.h"

namespace tessera::cpu {

alignas(64) inline constexpr float kPowersOfSixteenths[16] = {   // 2^(i / 16)
    1.0f,        1.04427373f, 1.09050775f, 1.13878858f, 1.18920708f, 1.24185777f,
    1.29683959f, 1.35425556f, 1.41421354f, 1.47682619f, 1.54221082f, 1.61049032f,
    1.68179286f, 1.75625217f, 1.8340081f,  1.91520655f};

// Within 2 units in the last place for -104.5 <= x <= 89; NaN for NaN.
__attribute__((target("avx512f"), always_inline)) inline __m512 ExpByTable(__m512 x) {
  const __m512 table = _mm512_load_ps(kPowersOfSixteenths);
  const __m512 magic = _mm512_set1_ps(12582912.0f);
  const __m512 lifted = _mm512_fmadd_ps(x, _mm512_set1_ps(23.0831203f), magic);
  const __m512 steps = _mm512_sub_ps(lifted, magic);
  __m512 r = _mm512_fnmadd_ps(steps, _mm512_set1_ps(0.693359375f / 16), x);
  r = _mm512_fnmadd_ps(steps, _mm512_set1_ps(-2.12194440e-4f / 16), r);
  const __m512 power = _mm512_permutexvar_ps(_mm512_castps_si512(lifted), table);
  __m512 p = _mm512_fmadd_ps(r, _mm512_set1_ps(1.0f / 6), _mm512_set1_ps(0.5f));
  p = _mm512_fmadd_ps(p, _mm512_mul_ps(r, r), r);
  p = _mm512_fmadd_ps(p, power, power);
  return _mm512_scalef_ps(p, _mm512_mul_ps(steps, _mm512_set1_ps(1.0f / 16)));
}

}  // namespace tessera::cpu

#endif  // defined(__x86_64__)
