// Vec for AVX-512 (F, BW, DQ, VL): 16 floats and what the matrix kernels do with them.
//
// Include after `#pragma GCC target`, in one .cc file per instruction set; everything here has
// internal linkage so that no code of one target can be linked in place of another's. The same
// names stand in vec_avx2.h. Uses bf16 conversions of the machine where the target has them.
#pragma once

#include "kernels/cpu/internal/intrinsics.h"

#include "kernels/cpu/internal/elements.h"
#include "kernels/cpu/internal/exp_avx512.h"

namespace tessera::cpu::dense {
namespace {

struct Vec {
  static constexpr int kLanes = 16;
  __m512 v;
};

inline __mmask16 FirstLanes(int64_t n) { return static_cast<__mmask16>((1u << n) - 1u); }

inline Vec Zero() { return {_mm512_setzero_ps()}; }
inline Vec Splat(float x) { return {_mm512_set1_ps(x)}; }

inline __m512 Widen(__m256i halves) {
  return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(halves), 16));
}

inline Vec LoadV(const float* p) { return {_mm512_loadu_ps(p)}; }
inline Vec LoadV(const BF16* p) {
  return {Widen(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)))};
}
// The first |n| < 17 lanes; the others become zero and their memory is not touched.
inline Vec LoadPart(const float* p, int64_t n) {
  return {_mm512_maskz_loadu_ps(FirstLanes(n), p)};
}
inline Vec LoadPart(const BF16* p, int64_t n) {
  return {Widen(_mm256_maskz_loadu_epi16(FirstLanes(n), p))};
}

// Round to nearest even; NaN stays a quiet NaN.
inline __m256i Narrow(Vec x) {
  const __m512i bits = _mm512_castps_si512(x.v);
  const __m512i upper = _mm512_srli_epi32(bits, 16);
  const __m512i odd = _mm512_and_si512(upper, _mm512_set1_epi32(1));
  const __m512i bias = _mm512_add_epi32(odd, _mm512_set1_epi32(0x7fff));
  const __m512i rounded = _mm512_srli_epi32(_mm512_add_epi32(bits, bias), 16);
  const __mmask16 nan = _mm512_cmp_ps_mask(x.v, x.v, _CMP_UNORD_Q);
  const __m512i quiet = _mm512_or_si512(upper, _mm512_set1_epi32(0x40));
  return _mm512_cvtepi32_epi16(_mm512_mask_mov_epi32(rounded, nan, quiet));
}

inline void StoreV(Vec x, float* p) { _mm512_storeu_ps(p, x.v); }
inline void StoreV(Vec x, BF16* p) {
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), Narrow(x));
}
// Past the caches, to what is aligned to the vector; other threads see it after EndStreams.
inline void StreamV(Vec x, float* p) { _mm512_stream_ps(p, x.v); }
inline void StreamV(Vec x, BF16* p) {
  _mm256_stream_si256(reinterpret_cast<__m256i*>(p), Narrow(x));
}
inline void EndStreams() { _mm_sfence(); }
inline void StorePart(Vec x, float* p, int64_t n) {
  _mm512_mask_storeu_ps(p, FirstLanes(n), x.v);
}
inline void StorePart(Vec x, BF16* p, int64_t n) {
  _mm256_mask_storeu_epi16(p, FirstLanes(n), Narrow(x));
}

inline Vec operator+(Vec a, Vec b) { return {_mm512_add_ps(a.v, b.v)}; }
inline Vec operator-(Vec a, Vec b) { return {_mm512_sub_ps(a.v, b.v)}; }
inline Vec operator*(Vec a, Vec b) { return {_mm512_mul_ps(a.v, b.v)}; }
inline Vec operator/(Vec a, Vec b) { return {_mm512_div_ps(a.v, b.v)}; }
// The second operand where either is NaN.
inline Vec Max(Vec a, Vec b) { return {_mm512_max_ps(a.v, b.v)}; }
inline Vec Min(Vec a, Vec b) { return {_mm512_min_ps(a.v, b.v)}; }
// a * b + c
inline Vec MulAdd(Vec a, Vec b, Vec c) { return {_mm512_fmadd_ps(a.v, b.v, c.v)}; }

// Lane sums in a fixed tree: halves, quarters, pairs.
inline float SumOf(Vec x) {
  const __m256 half = _mm256_add_ps(_mm512_castps512_ps256(x.v), _mm512_extractf32x8_ps(x.v, 1));
  const __m128 quarter =
      _mm_add_ps(_mm256_castps256_ps128(half), _mm256_extractf128_ps(half, 1));
  const __m128 pair = _mm_add_ps(quarter, _mm_movehl_ps(quarter, quarter));
  return _mm_cvtss_f32(_mm_add_ss(pair, _mm_movehdup_ps(pair)));
}
inline float MaxOf(Vec x) { return _mm512_reduce_max_ps(x.v); }

// e^x for -87.33 <= x <= 90.
inline Vec ExpWithin(Vec x) { return {ExpByTable(x.v)}; }

// x where a < b, other elsewhere (also on NaN).
inline Vec WhereLess(Vec a, Vec b, Vec x, Vec other) {
  return {_mm512_mask_mov_ps(other.v, _mm512_cmp_ps_mask(a.v, b.v, _CMP_LT_OQ), x.v)};
}
// x where the two ints are equal lane by lane, other elsewhere.
inline Vec WhereEqual(const int32_t* lanes, int32_t value, Vec x, Vec other) {
  const __mmask16 equal = _mm512_cmpeq_epi32_mask(_mm512_loadu_si512(lanes),
                                                  _mm512_set1_epi32(value));
  return {_mm512_mask_mov_ps(other.v, equal, x.v)};
}
// x in lanes [begin, end), other elsewhere; any bounds.
inline Vec WhereLanes(int64_t begin, int64_t end, Vec x, Vec other) {
  if (begin < 0) begin = 0;
  if (end > 16) end = 16;
  if (begin >= end) return other;
  const uint32_t mask = ((1u << end) - 1u) & ~((1u << begin) - 1u);
  return {_mm512_mask_mov_ps(other.v, static_cast<__mmask16>(mask), x.v)};
}

}  // namespace
}  // namespace tessera::cpu::dense

#include "kernels/cpu/internal/vec_math.h"
