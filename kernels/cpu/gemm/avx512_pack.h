// Packing with AVX-512: strips of a matrix into panels of 32-bit units, either way it lies.
//
// A format says what a unit holds: an fp32 number, a bf16 number widened, or a pair of bf16 that
// follow each other in k. Where k is contiguous, 16 x 16 blocks are transposed in registers; where
// the strip is, rows are copied (pairs interleaved). Included after vec_avx512.h.
#pragma once

#include <array>

#include "kernels/cpu/gemm/kernel.h"

namespace tessera::cpu::dense {
namespace {

struct FormatF32 {
  using Element = float;
  static constexpr int64_t kUnit = 1;
  // 16 units that follow each other in k, from a row where k is contiguous; |n| elements exist.
  static __m512i AlongK(const float* p, int64_t n) {
    return _mm512_castps_si512(LoadPart(p, n < 16 ? n : 16).v);
  }
  // One unit of up to 16 neighbours, from memory where they are contiguous.
  static __m512i AlongStrip(const float* p, int64_t, int64_t n, int64_t) {
    return _mm512_castps_si512(LoadPart(p, n).v);
  }
};

struct FormatWidened {
  using Element = BF16;
  static constexpr int64_t kUnit = 1;
  static __m512i AlongK(const BF16* p, int64_t n) {
    return _mm512_castps_si512(LoadPart(p, n < 16 ? n : 16).v);
  }
  static __m512i AlongStrip(const BF16* p, int64_t, int64_t n, int64_t) {
    return _mm512_castps_si512(LoadPart(p, n).v);
  }
};

struct FormatPairs {
  using Element = BF16;
  static constexpr int64_t kUnit = 2;
  static __m512i AlongK(const BF16* p, int64_t n) {
    if (n >= 32) return _mm512_loadu_si512(p);
    return _mm512_maskz_loadu_epi16(static_cast<__mmask32>((1u << n) - 1u), p);
  }
  // |k_left| elements of k exist from here on: an odd last one is paired with zero.
  static __m512i AlongStrip(const BF16* p, int64_t k_step, int64_t n, int64_t k_left) {
    const __mmask16 mask = FirstLanes(n);
    const __m512i low = _mm512_cvtepu16_epi32(_mm256_maskz_loadu_epi16(mask, p));
    if (k_left < 2) return low;
    const __m512i high = _mm512_cvtepu16_epi32(_mm256_maskz_loadu_epi16(mask, p + k_step));
    return _mm512_or_si512(low, _mm512_slli_epi32(high, 16));
  }
  // One unit of 32 neighbours, a cache line of each row: read whole, it need not stay for long,
  // which lines of rows a power of two apart do not.
  static void AlongLine(const BF16* p, int64_t k_step, int64_t k_left, uint32_t* out) {
    alignas(64) static constexpr auto kFirst = [] {
      std::array<uint16_t, 32> indices = {};
      for (uint16_t i = 0; i < 16; ++i) {
        indices[2 * i] = i;
        indices[2 * i + 1] = static_cast<uint16_t>(32 + i);
      }
      return indices;
    }();
    const __m512i first = _mm512_load_si512(kFirst.data());
    const __m512i second = _mm512_add_epi16(first, _mm512_set1_epi16(16));
    const __m512i low = _mm512_loadu_si512(p);
    const __m512i high = k_left < 2 ? _mm512_setzero_si512() : _mm512_loadu_si512(p + k_step);
    _mm512_storeu_si512(out, _mm512_permutex2var_epi16(low, first, high));
    _mm512_storeu_si512(out + 16, _mm512_permutex2var_epi16(low, second, high));
  }
};

// Transposes 16 rows of 16 lanes in four rounds of two-row exchanges.
[[gnu::always_inline]] inline void Transpose(__m512i (&rows)[16]) {
  __m512i t[16];
#pragma GCC unroll 8
  for (int i = 0; i < 8; ++i) {
    t[2 * i] = _mm512_unpacklo_epi32(rows[2 * i], rows[2 * i + 1]);
    t[2 * i + 1] = _mm512_unpackhi_epi32(rows[2 * i], rows[2 * i + 1]);
  }
#pragma GCC unroll 4
  for (int i = 0; i < 4; ++i) {
    rows[4 * i] = _mm512_unpacklo_epi64(t[4 * i], t[4 * i + 2]);
    rows[4 * i + 1] = _mm512_unpackhi_epi64(t[4 * i], t[4 * i + 2]);
    rows[4 * i + 2] = _mm512_unpacklo_epi64(t[4 * i + 1], t[4 * i + 3]);
    rows[4 * i + 3] = _mm512_unpackhi_epi64(t[4 * i + 1], t[4 * i + 3]);
  }
  // Lane block b of rows[4 q + i] now holds column 4 b + i of rows 4 q to 4 q + 3.
#pragma GCC unroll 4
  for (int i = 0; i < 4; ++i) {
    const __m512i a = _mm512_shuffle_i32x4(rows[i], rows[4 + i], 0x88);
    const __m512i b = _mm512_shuffle_i32x4(rows[i], rows[4 + i], 0xdd);
    const __m512i c = _mm512_shuffle_i32x4(rows[8 + i], rows[12 + i], 0x88);
    const __m512i d = _mm512_shuffle_i32x4(rows[8 + i], rows[12 + i], 0xdd);
    t[i] = _mm512_shuffle_i32x4(a, c, 0x88);
    t[8 + i] = _mm512_shuffle_i32x4(a, c, 0xdd);
    t[4 + i] = _mm512_shuffle_i32x4(b, d, 0x88);
    t[12 + i] = _mm512_shuffle_i32x4(b, d, 0xdd);
  }
#pragma GCC unroll 16
  for (int i = 0; i < 16; ++i) rows[i] = t[i];
}

// Panels whose units lie |kPanel| apart; element (i, unit u) at panel[u * kPanel + i].
template <class Format, int kPanel>
void PackUnits(const StripSource& strip, void* panel) {
  const StripSource source = strip;  // a copy that stores cannot change
  using Element = typename Format::Element;
  const Element* data = static_cast<const Element*>(source.data);
  uint32_t* out = static_cast<uint32_t*>(panel);
  const int64_t units = CeilDiv(source.k, Format::kUnit);
  if constexpr (kPanel == 32 && requires { &Format::AlongLine; }) {
    if (source.step == 1 && source.width == kPanel && source.k_step != 1) {
      for (int64_t u = 0; u < units; ++u) {
        Format::AlongLine(data + 2 * u * source.k_step, source.k_step, source.k - 2 * u,
                          out + u * kPanel);
      }
      return;
    }
  }
  for (int64_t first = 0; first < kPanel; first += 16) {
    const int64_t lanes = kPanel - first < 16 ? kPanel - first : 16;
    int64_t exist = source.width - first;
    exist = exist < 0 ? 0 : exist > lanes ? lanes : exist;
    const __mmask16 mask = FirstLanes(lanes);
    // A block of k may be one element of rows that lie apart.
    if (source.step == 1 && (source.k_step != 1 || source.k <= 1)) {
      for (int64_t u = 0; u < units; ++u) {
        const int64_t k = u * Format::kUnit;
        const __m512i unit = Format::AlongStrip(data + k * source.k_step + first * source.step,
                                                source.k_step, exist, source.k - k);
        _mm512_mask_storeu_epi32(out + u * kPanel + first, mask, unit);
      }
      continue;
    }
    for (int64_t u = 0; u < units; u += 16) {
      const int64_t k = u * Format::kUnit;
      __m512i rows[16];
#pragma GCC unroll 16
      for (int i = 0; i < 16; ++i) {
        rows[i] = i < exist ? Format::AlongK(data + (first + i) * source.step + k, source.k - k)
                            : _mm512_setzero_si512();
      }
      Transpose(rows);
      const int64_t count = units - u < 16 ? units - u : 16;
#pragma GCC unroll 16
      for (int i = 0; i < 16; ++i) {
        if (i < count) _mm512_mask_storeu_epi32(out + (u + i) * kPanel + first, mask, rows[i]);
      }
    }
  }
}

// [row][unit], rows source.panel_row bytes apart; k is contiguous.
template <class Format, int kRows>
void PackRowUnits(const StripSource& source, void* panel) {
  using Element = typename Format::Element;
  const Element* data = static_cast<const Element*>(source.data);
  char* out = static_cast<char*>(panel);
  for (int64_t r = 0; r < kRows; ++r, out += source.panel_row) {
    for (int64_t k = 0; k < source.k; k += 16 * Format::kUnit) {
      const __m512i units = r < source.width
                                ? Format::AlongK(data + r * source.step + k, source.k - k)
                                : _mm512_setzero_si512();
      _mm512_storeu_si512(out + k / Format::kUnit * 4, units);
    }
  }
}

}  // namespace
}  // namespace tessera::cpu::dense
