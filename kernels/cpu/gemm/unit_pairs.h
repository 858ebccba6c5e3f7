// UnitPairs: a unit of two bf16 for tile_loops.h, by vdpbf16ps. Included after the target pragma.
#pragma once

namespace tessera::cpu::dense {
namespace {

struct UnitPairs {
  using Packed = uint32_t;
  static constexpr int64_t kTerms = 2;
  static constexpr bool kStoresRows = true;
  static Vec LoadColumns(const uint32_t* p) { return {_mm512_loadu_ps(p)}; }
  static Vec SplatRow(const uint32_t* p) {
    return {_mm512_castsi512_ps(_mm512_set1_epi32(static_cast<int>(*p)))};
  }
  static Vec Add(Vec row, Vec columns, Vec sum) {
    return {_mm512_dpbf16_ps(sum.v, (__m512bh)row.v, (__m512bh)columns.v)};
  }

  template <int kVecs>
  static void PackUnit(const char* from, int64_t row, char* to) {
#pragma GCC unroll 8
    for (int c = 0; c < kVecs; ++c, from += 32, to += 64) {
      const __m512i low = Widened(from), high = Widened(from + row);
      _mm512_storeu_si512(to, _mm512_or_si512(low, _mm512_slli_epi32(high, 16)));
    }
  }
  static __m512i Widened(const char* from) {
    return _mm512_cvtepu16_epi32(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(from)));
  }

  // Stores |rows| rows of two vectors as bf16, with one instruction where Narrow takes nine for
  // each vector. It takes denormal numbers as zero, which sums by vdpbf16ps never are.
  template <int kRows>
  static void StoreRows(const Vec (&sums)[kRows][2], int64_t rows, BF16* out, int64_t step,
                        bool stream) {
#pragma GCC unroll 16
    for (int r = 0; r < kRows; ++r) {
      if (r >= rows) break;
      const __m512i row = (__m512i)_mm512_cvtne2ps_pbh(sums[r][1].v, sums[r][0].v);
      auto* to = reinterpret_cast<__m512i*>(out + r * step);
      if (stream) {
        _mm512_stream_si512(to, row);
      } else {
        _mm512_storeu_si512(to, row);
      }
    }
  }
};

}  // namespace
}  // namespace tessera::cpu::dense
