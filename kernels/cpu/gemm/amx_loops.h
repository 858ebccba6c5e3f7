// The AMX tile product and what is packed for it. Included after vec_avx512.h and avx512_pack.h.
//
// A unit is 32 bf16 of k: a row of 64 bytes of a left tile, 16 rows of pairs of a right one. Right
// panels are those of the bf16 dot products, [pair][32 columns], read as two tiles side by side;
// left panels are [row][unit] as there, or [unit][row] turned so that k is contiguous. Written on
// `Tiles`, the eight tile registers: the machine's (amx.cc) or, in tests, plain arrays, so that
// everything but the instructions themselves is tested on any machine with AVX-512.
#pragma once

#include "kernels/cpu/gemm/tile_loops.h"

namespace tessera::cpu::dense {
namespace {

inline constexpr int64_t kTileSide = 16;               // rows of a tile, and columns of fp32
inline constexpr int64_t kTileRowBytes = 64;
inline constexpr int64_t kAmxUnit = 32;                // bf16 in a tile row
inline constexpr int64_t kAmxRows = 2 * kTileSide;     // of a panel, and columns
inline constexpr int64_t kAmxFetches = 8;              // lines, with each unit
inline constexpr int64_t kUnitBytes = kAmxRows * kTileRowBytes;  // of a panel

// [pair][32 columns]; pairs that fill up the last unit are zero.
inline void PackAmxRight(const StripSource& source, void* panel) {
  PackUnits<FormatPairs, kAmxRows>(source, panel);
  uint32_t* out = static_cast<uint32_t*>(panel);
  const int64_t end = CeilDiv(source.k, kAmxUnit) * (kAmxUnit / 2) * kAmxRows;
  for (int64_t i = CeilDiv(source.k, 2) * kAmxRows; i < end; i += 16) {
    _mm512_storeu_si512(out + i, _mm512_setzero_si512());
  }
}

// [unit][row] from rows that are contiguous: 16 pairs of 16 rows are turned at a time.
inline void PackAmxUnits(const StripSource& source, void* panel) {
  const BF16* data = static_cast<const BF16*>(source.data);
  char* out = static_cast<char*>(panel);
  for (int64_t unit = 0; unit < source.k; unit += kAmxUnit) {
    for (int64_t first = 0; first < kAmxRows; first += kTileSide, out += kTileSide * 64) {
      int64_t exist = source.width - first;
      exist = exist < 0 ? 0 : exist > kTileSide ? kTileSide : exist;
      __m512i pairs[16];
#pragma GCC unroll 16
      for (int p = 0; p < 16; ++p) {
        const int64_t k = unit + 2 * p;
        pairs[p] = k < source.k && exist > 0
                       ? FormatPairs::AlongStrip(data + k * source.k_step + first * source.step,
                                                 source.k_step, exist, source.k - k)
                       : _mm512_setzero_si512();
      }
      Transpose(pairs);
#pragma GCC unroll 16
      for (int r = 0; r < 16; ++r) _mm512_storeu_si512(out + r * kTileRowBytes, pairs[r]);
    }
  }
}

// 32 x 32 sums in four tiles: each tile that is loaded meets two others.
template <class Tiles, bool kByRow>
void AmxProduct(int64_t units, const void* lhs, int64_t lhs_row, const void* rhs,
                const TileTarget& target) {
  const int64_t left_step = kByRow ? lhs_row : kTileRowBytes;
  constexpr int64_t kRightStep = kAmxRows * 4;
  const char* left = static_cast<const char*>(lhs);
  const char* right = static_cast<const char*>(rhs);
  // The tile intrinsics do not say that they read memory: what was packed must be there by now.
  asm volatile("" : : : "memory");
  Tiles::ClearSums();
  for (int64_t u = 0; u < units; ++u) {
    Tiles::LoadLeft0(left, left_step);
    Tiles::LoadRight0(right, kRightStep);
    Tiles::Add00();
    Tiles::LoadRight1(right + kTileRowBytes, kRightStep);
    Tiles::Add01();
    Tiles::LoadLeft1(left + kTileSide * left_step, left_step);
    Tiles::Add10();
    Tiles::Add11();
    constexpr int64_t kRuns = kAmxFetches / kRunLines;
    for (int64_t run = u * kRuns; run < (u + 1) * kRuns; ++run) {
      target.right->Bring(run);
      target.left->Bring(run);
    }
    left += kByRow ? kTileRowBytes : kUnitBytes;
    right += kUnitBytes;
  }
  alignas(64) float sums[kAmxRows * kAmxRows];
  Tiles::StoreSums(sums, kAmxRows * 4);
  for (int64_t r = 0; r < target.rows; ++r) {
    for (int64_t c = 0; c < target.columns; c += Vec::kLanes) {
      const Vec sum = LoadV(sums + r * kAmxRows + c);
      target.bf16 ? StoreVec<BF16>(sum, target, r, c) : StoreVec<float>(sum, target, r, c);
    }
  }
}

template <class Tiles>
void LeaveTiles() {
  Tiles::Leave();
  EndStreams();
}

template <class Tiles>
constexpr GemmKernel AmxKernel() {
  return {.tile_rows = kAmxRows,
          .tile_columns = kAmxRows,
          .unit = kAmxUnit,
          .unit_bytes = kTileRowBytes,
          .row_block_bytes = 1024,
          .unit_block_bytes = 1024,
          .rows_together = kAmxRows,
          .pack_rhs = PackAmxRight,
          .pack_units = PackAmxUnits,
          .pack_rows = PackRowUnits<FormatPairs, kAmxRows>,
          .product_units = AmxProduct<Tiles, false>,
          .product_rows = AmxProduct<Tiles, true>,
          .enter = Tiles::Enter,
          .leave = LeaveTiles<Tiles>,
          .fetches = kAmxFetches};
}

}  // namespace
}  // namespace tessera::cpu::dense
