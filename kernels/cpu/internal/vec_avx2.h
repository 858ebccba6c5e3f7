// Vec for AVX2 with FMA: 8 floats and what the matrix kernels do with them.
//
// The twin of vec_avx512.h: same names, same meaning, internal linkage, include after the target
// pragma in one .cc file.
#pragma once

#include "kernels/cpu/internal/intrinsics.h"

#include "kernels/cpu/internal/elements.h"

namespace tessera::cpu::dense {
namespace {

struct Vec {
  static constexpr int kLanes = 8;
  __m256 v;
};

inline __m256i LaneNumbers() { return _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7); }
inline __m256i FirstLanes(int64_t n) {
  return _mm256_cmpgt_epi32(_mm256_set1_epi32(static_cast<int>(n)), LaneNumbers());
}

inline Vec Zero() { return {_mm256_setzero_ps()}; }
inline Vec Splat(float x) { return {_mm256_set1_ps(x)}; }

inline __m256 Widen(__m128i halves) {
  return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(halves), 16));
}

inline Vec LoadV(const float* p) { return {_mm256_loadu_ps(p)}; }
inline Vec LoadV(const BF16* p) {
  return {Widen(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)))};
}
inline Vec LoadPart(const float* p, int64_t n) {
  return {_mm256_maskload_ps(p, FirstLanes(n))};
}
inline Vec LoadPart(const BF16* p, int64_t n) {
  alignas(16) BF16 copy[8] = {};
  for (int64_t i = 0; i < n; ++i) copy[i] = p[i];
  return LoadV(copy);
}

inline __m128i Narrow(Vec x) {
  const __m256i bits = _mm256_castps_si256(x.v);
  const __m256i upper = _mm256_srli_epi32(bits, 16);
  const __m256i odd = _mm256_and_si256(upper, _mm256_set1_epi32(1));
  const __m256i bias = _mm256_add_epi32(odd, _mm256_set1_epi32(0x7fff));
  const __m256i rounded = _mm256_srli_epi32(_mm256_add_epi32(bits, bias), 16);
  const __m256i nan = _mm256_castps_si256(_mm256_cmp_ps(x.v, x.v, _CMP_UNORD_Q));
  const __m256i quiet = _mm256_or_si256(upper, _mm256_set1_epi32(0x40));
  const __m256i halves = _mm256_blendv_epi8(rounded, quiet, nan);
  return _mm_packus_epi32(_mm256_castsi256_si128(halves), _mm256_extracti128_si256(halves, 1));
}

inline void StoreV(Vec x, float* p) { _mm256_storeu_ps(p, x.v); }
inline void StoreV(Vec x, BF16* p) {
  _mm_storeu_si128(reinterpret_cast<__m128i*>(p), Narrow(x));
}
inline void StreamV(Vec x, float* p) { _mm256_stream_ps(p, x.v); }
inline void StreamV(Vec x, BF16* p) {
  _mm_stream_si128(reinterpret_cast<__m128i*>(p), Narrow(x));
}
inline void EndStreams() { _mm_sfence(); }
inline void StorePart(Vec x, float* p, int64_t n) {
  _mm256_maskstore_ps(p, FirstLanes(n), x.v);
}
inline void StorePart(Vec x, BF16* p, int64_t n) {
  alignas(16) BF16 copy[8];
  StoreV(x, copy);
  for (int64_t i = 0; i < n; ++i) p[i] = copy[i];
}

inline Vec operator+(Vec a, Vec b) { return {_mm256_add_ps(a.v, b.v)}; }
inline Vec operator-(Vec a, Vec b) { return {_mm256_sub_ps(a.v, b.v)}; }
inline Vec operator*(Vec a, Vec b) { return {_mm256_mul_ps(a.v, b.v)}; }
inline Vec operator/(Vec a, Vec b) { return {_mm256_div_ps(a.v, b.v)}; }
inline Vec Max(Vec a, Vec b) { return {_mm256_max_ps(a.v, b.v)}; }
inline Vec Min(Vec a, Vec b) { return {_mm256_min_ps(a.v, b.v)}; }
inline Vec MulAdd(Vec a, Vec b, Vec c) { return {_mm256_fmadd_ps(a.v, b.v, c.v)}; }

inline float SumOf(Vec x) {
  const __m128 half = _mm_add_ps(_mm256_castps256_ps128(x.v), _mm256_extractf128_ps(x.v, 1));
  const __m128 pair = _mm_add_ps(half, _mm_movehl_ps(half, half));
  return _mm_cvtss_f32(_mm_add_ss(pair, _mm_movehdup_ps(pair)));
}
inline float MaxOf(Vec x) {
  const __m128 half = _mm_max_ps(_mm256_castps256_ps128(x.v), _mm256_extractf128_ps(x.v, 1));
  const __m128 pair = _mm_max_ps(half, _mm_movehl_ps(half, half));
  return _mm_cvtss_f32(_mm_max_ss(pair, _mm_movehdup_ps(pair)));
}

// Powers in two steps, so that 2^128 is within reach.
inline Vec ScaleByPower(Vec x, Vec n) {
  const __m256i whole = _mm256_cvtps_epi32(n.v);
  const __m256i first = _mm256_srai_epi32(whole, 1);
  const __m256i second = _mm256_sub_epi32(whole, first);
  const __m256i bias = _mm256_set1_epi32(127);
  const __m256 a = _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_add_epi32(first, bias), 23));
  const __m256 b = _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_add_epi32(second, bias), 23));
  return {_mm256_mul_ps(_mm256_mul_ps(x.v, a), b)};
}
inline Vec RoundToInt(Vec x) {
  return {_mm256_round_ps(x.v, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC)};
}

inline Vec WhereLess(Vec a, Vec b, Vec x, Vec other) {
  return {_mm256_blendv_ps(other.v, x.v, _mm256_cmp_ps(a.v, b.v, _CMP_LT_OQ))};
}
inline Vec WhereEqual(const int32_t* lanes, int32_t value, Vec x, Vec other) {
  const __m256i equal =
      _mm256_cmpeq_epi32(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(lanes)),
                         _mm256_set1_epi32(value));
  return {_mm256_blendv_ps(other.v, x.v, _mm256_castsi256_ps(equal))};
}
inline Vec WhereLanes(int64_t begin, int64_t end, Vec x, Vec other) {
  if (begin < 0) begin = 0;
  if (end > 8) end = 8;
  const __m256i from = _mm256_cmpgt_epi32(LaneNumbers(), _mm256_set1_epi32(int(begin) - 1));
  const __m256i below = _mm256_cmpgt_epi32(_mm256_set1_epi32(int(end)), LaneNumbers());
  const __m256i inside = _mm256_and_si256(from, below);
  return {_mm256_blendv_ps(other.v, x.v, _mm256_castsi256_ps(inside))};
}

}  // namespace
}  // namespace tessera::cpu::dense

#include "kernels/cpu/internal/vec_exp_series.h"
#include "kernels/cpu/internal/vec_math.h"
