// The tile product on Vec: a block of sums in registers, k outside, columns in vectors.
//
// Written once for fp32 FMA and for pairs of bf16; included after a vec_*.h, in one .cc file per
// instruction set. A unit says how one unit of k is read and added:
//   static Vec LoadColumns(const Packed*), static Vec SplatRow(const Packed*),
//   static Vec Add(Vec row, Vec columns, Vec sum)
// how a panel's unit is packed from kTerms rows of |kVecs| vectors, |row| bytes apart:
//   static void PackUnit<kVecs>(const char* from, int64_t row, char* to)
// and, where kStoresRows, how whole rows of two vectors of its sums are stored as bf16: StoreRows.
#pragma once

#include <algorithm>

#include "kernels/cpu/gemm/kernel.h"

namespace tessera::cpu::dense {
namespace {

// Of fp32 numbers, which are packed from elements of T.
template <class T>
struct UnitOf {
  using Packed = float;
  static constexpr int64_t kTerms = 1;
  static constexpr bool kStoresRows = false;
  static Vec LoadColumns(const float* p) { return LoadV(p); }
  static Vec SplatRow(const float* p) { return Splat(*p); }
  static Vec Add(Vec row, Vec columns, Vec sum) { return MulAdd(row, columns, sum); }
  template <int kVecs>
  static void PackUnit(const char* from, int64_t, char* to) {
    const T* columns = reinterpret_cast<const T*>(from);
    float* unit = reinterpret_cast<float*>(to);
#pragma GCC unroll 8
    for (int c = 0; c < kVecs; ++c) {
      StoreV(LoadV(columns + c * Vec::kLanes), unit + c * Vec::kLanes);
    }
  }
};
using UnitF32 = UnitOf<float>;
using UnitWidened = UnitOf<BF16>;

// Adds one unit. Row r lies at lhs[r * row_step].
template <class Unit, int kRows, int kVecs>
[[gnu::always_inline]] inline void AddUnit(const typename Unit::Packed* lhs, int64_t row_step,
                                           const typename Unit::Packed* rhs,
                                           Vec (&sums)[kRows][kVecs]) {
  Vec columns[kVecs];
#pragma GCC unroll 8
  for (int c = 0; c < kVecs; ++c) columns[c] = Unit::LoadColumns(rhs + c * Vec::kLanes);
#pragma GCC unroll 16
  for (int r = 0; r < kRows; ++r) {
    const Vec row = Unit::SplatRow(lhs + r * row_step);
#pragma GCC unroll 8
    for (int c = 0; c < kVecs; ++c) sums[r][c] = Unit::Add(row, columns[c], sums[r][c]);
  }
}

// sums[r][c] over |units|. Row r of unit u lies at lhs[r * row_step + u * unit_step], the columns
// of unit u at rhs + u * rhs_step.
template <class Unit, int kRows, int kVecs>
[[gnu::always_inline]] inline void SumTile(int64_t units, const typename Unit::Packed* lhs,
                                           int64_t row_step, int64_t unit_step,
                                           const typename Unit::Packed* rhs, int64_t rhs_step,
                                           Vec (&sums)[kRows][kVecs]) {
  for (int64_t u = 0; u < units; ++u, lhs += unit_step, rhs += rhs_step) {
    AddUnit<Unit>(lhs, row_step, rhs, sums);
  }
}

// The same, and what is to be fetched and packed by the way, for which |kPanelVecs| vectors are a
// whole panel's.
template <class Unit, int kPanelVecs, bool kPacks, int kRows, int kVecs>
[[gnu::always_inline]] inline void SumBusily(int64_t units, const typename Unit::Packed* lhs,
                                             int64_t row_step, int64_t unit_step,
                                             const typename Unit::Packed* rhs, int64_t rhs_step,
                                             Vec (&sums)[kRows][kVecs], const TileTarget& target) {
  const Fetch& right = *target.right;
  const Fetch& left = *target.left;
  int64_t u = 0;
  const auto fetch = [&] {
    // In turn: more lines at once would keep the loads of this tile waiting.
    const int64_t line = u & (kRunLines - 1);
    if (line == 0) right.Bring(u >> kRunShift);
    if (line == kRunLines / 2) left.Bring(u >> kRunShift);
  };
  if constexpr (kPacks) {
    const PackAside& aside = *target.aside;
    const char* from = aside.from;
    char* to = aside.to;
    int64_t panel = 0;
    for (const int64_t count = aside.count; u < count; ++u, lhs += unit_step, rhs += rhs_step) {
      fetch();
      Unit::template PackUnit<kPanelVecs>(from, aside.row, to);
      from += aside.from_step;
      to += aside.to_step;
      if (++panel == aside.panels) {
        panel = 0;
        from += Unit::kTerms * aside.row - aside.panels * aside.from_step;
        to += kPanelVecs * Vec::kLanes * 4 - aside.panels * aside.to_step;
      }
      AddUnit<Unit>(lhs, row_step, rhs, sums);
    }
  }
  for (; u < units; ++u, lhs += unit_step, rhs += rhs_step) {
    fetch();
    AddUnit<Unit>(lhs, row_step, rhs, sums);
  }
}

// In place always: a call in the midst of a tile would empty the sums' registers.
template <class T>
[[gnu::always_inline]] inline void StoreVec(Vec sum, const TileTarget& t, int64_t row,
                                            int64_t column) {
  const int64_t n = std::min<int64_t>(t.columns - column, Vec::kLanes);
  if (t.add != nullptr) sum = LoadPart(t.add + row * t.add_step + column, n) + sum;
  T* out = static_cast<T*>(t.out) + row * t.out_step + column;
  if (n < Vec::kLanes) {
    StorePart(sum, out, n);
  } else if (t.stream) {
    StreamV(sum, out);
  } else {
    StoreV(sum, out);
  }
}

// Rows of whole vectors: what is the same for all of them is asked once.
template <class T, int kRows, int kVecs>
[[gnu::always_inline]] inline void StoreWholeRows(Vec (&sums)[kRows][kVecs], const TileTarget& t) {
  if (t.add != nullptr) {
#pragma GCC unroll 16
    for (int r = 0; r < kRows; ++r) {
      if (r >= t.rows) break;
#pragma GCC unroll 8
      for (int c = 0; c < kVecs; ++c) {
        sums[r][c] = LoadV(t.add + r * t.add_step + c * Vec::kLanes) + sums[r][c];
      }
    }
  }
  T* out = static_cast<T*>(t.out);
#pragma GCC unroll 16
  for (int r = 0; r < kRows; ++r) {
    if (r >= t.rows) break;
#pragma GCC unroll 8
    for (int c = 0; c < kVecs; ++c) {
      T* to = out + r * t.out_step + c * Vec::kLanes;
      t.stream ? StreamV(sums[r][c], to) : StoreV(sums[r][c], to);
    }
  }
}

template <class T, int kRows, int kVecs>
[[gnu::always_inline]] inline void StoreTile(Vec (&sums)[kRows][kVecs], const TileTarget& t) {
  if (t.columns == kVecs * Vec::kLanes) return StoreWholeRows<T>(sums, t);
#pragma GCC unroll 16
  for (int r = 0; r < kRows; ++r) {
    if (r >= t.rows) break;
#pragma GCC unroll 8
    for (int c = 0; c < kVecs; ++c) StoreVec<T>(sums[r][c], t, r, c * Vec::kLanes);
  }
}

inline constexpr int32_t kRowsTogether = 2;

// kRows is the target's row count rounded up to even, kVecs what its columns need. Tiles that pack
// are functions of their own: the loop of the others was 6 % slower beside theirs.
template <class Unit, bool kByRow, int kPanelRows, int kPanelVecs, int kRows, int kVecs,
          bool kPacks = false>
void TileOf(int64_t units, const void* lhs, int64_t lhs_row, const void* rhs,
            const TileTarget& target) {
  using Packed = typename Unit::Packed;
  if constexpr (!kPacks) {
    if (target.aside->count > 0) {
      return TileOf<Unit, kByRow, kPanelRows, kPanelVecs, kRows, kVecs, true>(
          units, lhs, lhs_row, rhs, target);
    }
  }
  Vec sums[kRows][kVecs];
#pragma GCC unroll 16
  for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 8
    for (int c = 0; c < kVecs; ++c) sums[r][c] = Zero();
  }
  SumBusily<Unit, kPanelVecs, kPacks>(units, static_cast<const Packed*>(lhs),
                                      kByRow ? lhs_row / static_cast<int64_t>(sizeof(Packed)) : 1,
                                      kByRow ? 1 : kPanelRows, static_cast<const Packed*>(rhs),
                                      kPanelVecs * Vec::kLanes, sums, target);
  if constexpr (Unit::kStoresRows && kVecs == 2) {
    if (target.bf16 && target.add == nullptr && target.columns == kVecs * Vec::kLanes) {
      return Unit::StoreRows(sums, target.rows, static_cast<BF16*>(target.out), target.out_step,
                             target.stream);
    }
  }
  target.bf16 ? StoreTile<BF16>(sums, target) : StoreTile<float>(sums, target);
}

// A left panel stored [row][unit] when |kByRow|, else [unit][row]; see kernel.h.
template <class Unit, bool kByRow, int kPanelRows, int kPanelVecs, int kRows>
void TileRows(int64_t units, const void* lhs, int64_t lhs_row, const void* rhs,
              const TileTarget& target) {
  if constexpr (kRows > 2) {
    if (target.rows <= kRows - 2) {
      return TileRows<Unit, kByRow, kPanelRows, kPanelVecs, kRows - 2>(
          units, lhs, lhs_row, rhs, target);
    }
  }
  if (target.columns <= Vec::kLanes) {
    return TileOf<Unit, kByRow, kPanelRows, kPanelVecs, kRows, 1>(units, lhs, lhs_row, rhs, target);
  }
  TileOf<Unit, kByRow, kPanelRows, kPanelVecs, kRows, kPanelVecs>(units, lhs, lhs_row, rhs,
                                                                     target);
}

// A kernel of kRows rows of two vectors of sums, all but its packers.
template <class Unit, int kRows>
constexpr GemmKernel TileKernel() {
  return {.tile_rows = kRows,
          .tile_columns = 2 * Vec::kLanes,
          .unit = Unit::kTerms,
          .unit_bytes = 4,
          .row_block_bytes = 1024,
          .unit_block_bytes = 1024,
          .rows_together = kRowsTogether,
          .product_units = TileRows<Unit, false, kRows, 2, kRows>,
          .product_rows = TileRows<Unit, true, kRows, 2, kRows>,
          .leave = EndStreams,
          .packs_aside = true};
}

}  // namespace
}  // namespace tessera::cpu::dense
