// The loops of few_rows.h on Vec. Included after a vec_*.h, in one .cc file per instruction set.
#pragma once

#include "kernels/cpu/gemm/few_rows.h"

namespace tessera::cpu::dense {
namespace {

// Sums kept in registers at once.
inline constexpr int kFewSums = Vec::kLanes == 16 ? 28 : 12;

// Up to kVecs vectors of columns from |column|, where columns are contiguous.
template <class B, class C, int kRows, int kVecs>
void ColumnsContiguous(const FewRows& w, int64_t column) {
  const int64_t left = w.end - column;
  const int64_t last = left - (kVecs - 1) * Vec::kLanes;  // lanes of the last vector
  const B* rhs = static_cast<const B*>(w.rhs) + column;
  Vec sums[kRows][kVecs];
#pragma GCC unroll 8
  for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 8
    for (int c = 0; c < kVecs; ++c) sums[r][c] = Zero();
  }
  for (int64_t k = 0; k < w.k; ++k) {
    Vec columns[kVecs];
#pragma GCC unroll 8
    for (int c = 0; c + 1 < kVecs; ++c) columns[c] = LoadV(rhs + c * Vec::kLanes);
    const B* tail = rhs + (kVecs - 1) * Vec::kLanes;
    columns[kVecs - 1] = last >= Vec::kLanes ? LoadV(tail) : LoadPart(tail, last);
#pragma GCC unroll 8
    for (int r = 0; r < kRows; ++r) {
      const Vec row = Splat(w.lhs[r * w.k + k]);
#pragma GCC unroll 8
      for (int c = 0; c < kVecs; ++c) sums[r][c] = MulAdd(row, columns[c], sums[r][c]);
    }
    rhs += w.k_step;
  }
#pragma GCC unroll 8
  for (int r = 0; r < kRows; ++r) {
    C* out = static_cast<C*>(w.out) + r * w.out_step + column;
#pragma GCC unroll 8
    for (int c = 0; c < kVecs; ++c) {
      const int64_t n = c + 1 < kVecs || last >= Vec::kLanes ? Vec::kLanes : last;
      StorePart(sums[r][c], out + c * Vec::kLanes, n);
    }
  }
}

// kColumns columns from |column|, where k is contiguous.
template <class B, class C, int kRows, int kColumns>
void DepthContiguous(const FewRows& w, int64_t column) {
  const B* rhs = static_cast<const B*>(w.rhs) + column * w.column_step;
  Vec sums[kRows][kColumns];
#pragma GCC unroll 8
  for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 8
    for (int c = 0; c < kColumns; ++c) sums[r][c] = Zero();
  }
  const int64_t whole = w.k / Vec::kLanes * Vec::kLanes;
  for (int64_t k = 0; k < whole; k += Vec::kLanes) {
    Vec columns[kColumns];
#pragma GCC unroll 8
    for (int c = 0; c < kColumns; ++c) columns[c] = LoadV(rhs + c * w.column_step + k);
#pragma GCC unroll 8
    for (int r = 0; r < kRows; ++r) {
      const Vec row = LoadV(w.lhs + r * w.k + k);
#pragma GCC unroll 8
      for (int c = 0; c < kColumns; ++c) sums[r][c] = MulAdd(row, columns[c], sums[r][c]);
    }
  }
  const int64_t rest = w.k - whole;
#pragma GCC unroll 8
  for (int r = 0; r < kRows; ++r) {
    C* out = static_cast<C*>(w.out) + r * w.out_step + column;
#pragma GCC unroll 8
    for (int c = 0; c < kColumns; ++c) {
      Vec sum = sums[r][c];
      if (rest > 0) {
        sum = MulAdd(LoadPart(w.lhs + r * w.k + whole, rest),
                     LoadPart(rhs + c * w.column_step + whole, rest), sum);
      }
      Store(SumOf(sum), &out[c]);
    }
  }
}

template <class B, class C, int kRows, int kVecs>
void ColumnsFrom(const FewRows& w, int64_t column) {
  while (w.end - column > (kVecs - 1) * Vec::kLanes) {
    ColumnsContiguous<B, C, kRows, kVecs>(w, column);
    column += kVecs * Vec::kLanes;
    if (column >= w.end) return;
  }
  if constexpr (kVecs > 1) ColumnsFrom<B, C, kRows, kVecs / 2>(w, column);
}

template <class B, class C, int kRows>
void RowsOf(const FewRows& w) {
  if constexpr (kRows > 1) {
    if (w.rows < kRows) return RowsOf<B, C, kRows - 1>(w);
  }
  // A power of two, so that halving ends at one.
  constexpr int kFit = kFewSums / kRows;
  constexpr int kVecs = kFit >= 8 ? 8 : kFit >= 4 ? 4 : kFit >= 2 ? 2 : 1;
  if (w.column_step == 1) return ColumnsFrom<B, C, kRows, kVecs>(w, w.begin);
  constexpr int kColumns = kVecs > 4 ? 4 : kVecs;
  int64_t column = w.begin;
  for (; column + kColumns <= w.end; column += kColumns) {
    DepthContiguous<B, C, kRows, kColumns>(w, column);
  }
  for (; column < w.end; ++column) DepthContiguous<B, C, kRows, 1>(w, column);
}

template <class B, class C>
void RunFewRowsLoops(const FewRows& work) {
  RowsOf<B, C, static_cast<int>(kFewRows)>(work);
}

inline constexpr FewRowsKernel kFewRowsLoops = {
    RunFewRowsLoops<float, float>, RunFewRowsLoops<float, BF16>, RunFewRowsLoops<BF16, float>,
    RunFewRowsLoops<BF16, BF16>};

}  // namespace
}  // namespace tessera::cpu::dense
