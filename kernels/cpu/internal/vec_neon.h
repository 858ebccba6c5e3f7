// Vec for NEON: 8 floats in two registers, and what the matrix kernels do with them.
//
// The twin of vec_avx2.h, as wide, so that tiles and panels have the same sizes (24 of 32 registers
// hold the sums of a tile); same names, same meaning, internal linkage. Sums of lanes are added in
// the same tree. aarch64 only.
#pragma once

#include <arm_neon.h>

#include "kernels/cpu/internal/elements.h"

namespace tessera::cpu::dense {
namespace {

struct Vec {
  static constexpr int kLanes = 8;
  float32x4_t low;
  float32x4_t high;
};

inline Vec Zero() { return {vdupq_n_f32(0), vdupq_n_f32(0)}; }
inline Vec Splat(float x) { return {vdupq_n_f32(x), vdupq_n_f32(x)}; }

inline Vec LoadV(const float* p) { return {vld1q_f32(p), vld1q_f32(p + 4)}; }
inline Vec LoadV(const BF16* p) {
  const uint16x8_t halves = vld1q_u16(reinterpret_cast<const uint16_t*>(p));
  return {vreinterpretq_f32_u32(vshll_n_u16(vget_low_u16(halves), 16)),
          vreinterpretq_f32_u32(vshll_n_u16(vget_high_u16(halves), 16))};
}
template <class T>
inline Vec LoadPart(const T* p, int64_t n) {
  if (n >= Vec::kLanes) return LoadV(p);
  T copy[Vec::kLanes] = {};
  for (int64_t i = 0; i < n; ++i) copy[i] = p[i];
  return LoadV(copy);
}

// Round to nearest even; NaN stays a quiet NaN.
inline uint16x4_t Narrow(float32x4_t x) {
  const uint32x4_t bits = vreinterpretq_u32_f32(x);
  const uint32x4_t upper = vshrq_n_u32(bits, 16);
  const uint32x4_t bias = vaddq_u32(vandq_u32(upper, vdupq_n_u32(1)), vdupq_n_u32(0x7fff));
  const uint32x4_t rounded = vshrq_n_u32(vaddq_u32(bits, bias), 16);
  const uint32x4_t quiet = vorrq_u32(upper, vdupq_n_u32(0x40));
  return vmovn_u32(vbslq_u32(vceqq_f32(x, x), rounded, quiet));
}

inline void StoreV(Vec x, float* p) {
  vst1q_f32(p, x.low);
  vst1q_f32(p + 4, x.high);
}
inline void StoreV(Vec x, BF16* p) {
  vst1q_u16(reinterpret_cast<uint16_t*>(p), vcombine_u16(Narrow(x.low), Narrow(x.high)));
}
// There are no vector stores past the caches.
template <class T>
inline void StreamV(Vec x, T* p) {
  StoreV(x, p);
}
inline void EndStreams() {}
template <class T>
inline void StorePart(Vec x, T* p, int64_t n) {
  if (n >= Vec::kLanes) return StoreV(x, p);
  T copy[Vec::kLanes];
  StoreV(x, copy);
  for (int64_t i = 0; i < n; ++i) p[i] = copy[i];
}

inline Vec operator+(Vec a, Vec b) {
  return {vaddq_f32(a.low, b.low), vaddq_f32(a.high, b.high)};
}
inline Vec operator-(Vec a, Vec b) {
  return {vsubq_f32(a.low, b.low), vsubq_f32(a.high, b.high)};
}
inline Vec operator*(Vec a, Vec b) {
  return {vmulq_f32(a.low, b.low), vmulq_f32(a.high, b.high)};
}
inline Vec operator/(Vec a, Vec b) {
  return {vdivq_f32(a.low, b.low), vdivq_f32(a.high, b.high)};
}
// a * b + c
inline Vec MulAdd(Vec a, Vec b, Vec c) {
  return {vfmaq_f32(c.low, a.low, b.low), vfmaq_f32(c.high, a.high, b.high)};
}

// x where a < b, other elsewhere (also on NaN).
inline Vec WhereLess(Vec a, Vec b, Vec x, Vec other) {
  return {vbslq_f32(vcltq_f32(a.low, b.low), x.low, other.low),
          vbslq_f32(vcltq_f32(a.high, b.high), x.high, other.high)};
}
// The second operand where either is NaN.
inline Vec Max(Vec a, Vec b) { return WhereLess(b, a, a, b); }
inline Vec Min(Vec a, Vec b) { return WhereLess(a, b, a, b); }

// Halves, quarters, pairs.
inline float SumOf(Vec x) {
  const float32x4_t half = vaddq_f32(x.low, x.high);
  const float32x2_t pair = vadd_f32(vget_low_f32(half), vget_high_f32(half));
  return vget_lane_f32(pair, 0) + vget_lane_f32(pair, 1);
}
inline float MaxOf(Vec x) { return vmaxvq_f32(vmaxq_f32(x.low, x.high)); }

// Powers in two steps, so that 2^128 is within reach.
inline float32x4_t ScaleByPower(float32x4_t x, float32x4_t n) {
  const int32x4_t whole = vcvtnq_s32_f32(n);
  const int32x4_t first = vshrq_n_s32(whole, 1);
  const int32x4_t second = vsubq_s32(whole, first);
  const int32x4_t bias = vdupq_n_s32(127);
  const float32x4_t a = vreinterpretq_f32_s32(vshlq_n_s32(vaddq_s32(first, bias), 23));
  const float32x4_t b = vreinterpretq_f32_s32(vshlq_n_s32(vaddq_s32(second, bias), 23));
  return vmulq_f32(vmulq_f32(x, a), b);
}
inline Vec ScaleByPower(Vec x, Vec n) {
  return {ScaleByPower(x.low, n.low), ScaleByPower(x.high, n.high)};
}
inline Vec RoundToInt(Vec x) { return {vrndnq_f32(x.low), vrndnq_f32(x.high)}; }

// x where the two ints are equal lane by lane, other elsewhere.
inline Vec WhereEqual(const int32_t* lanes, int32_t value, Vec x, Vec other) {
  const int32x4_t wanted = vdupq_n_s32(value);
  return {vbslq_f32(vceqq_s32(vld1q_s32(lanes), wanted), x.low, other.low),
          vbslq_f32(vceqq_s32(vld1q_s32(lanes + 4), wanted), x.high, other.high)};
}
// x in lanes [begin, end), other elsewhere; any bounds.
inline Vec WhereLanes(int64_t begin, int64_t end, Vec x, Vec other) {
  static constexpr int32_t kNumbers[] = {0, 1, 2, 3, 4, 5, 6, 7};
  begin = begin < 0 ? 0 : begin > 8 ? 8 : begin;
  end = end < 0 ? 0 : end > 8 ? 8 : end;
  const int32x4_t from = vdupq_n_s32(static_cast<int32_t>(begin));
  const int32x4_t to = vdupq_n_s32(static_cast<int32_t>(end));
  const int32x4_t low = vld1q_s32(kNumbers);
  const int32x4_t high = vld1q_s32(kNumbers + 4);
  const uint32x4_t low_in = vandq_u32(vcgeq_s32(low, from), vcltq_s32(low, to));
  const uint32x4_t high_in = vandq_u32(vcgeq_s32(high, from), vcltq_s32(high, to));
  return {vbslq_f32(low_in, x.low, other.low), vbslq_f32(high_in, x.high, other.high)};
}

}  // namespace
}  // namespace tessera::cpu::dense

#include "kernels/cpu/internal/vec_exp_series.h"
#include "kernels/cpu/internal/vec_math.h"
