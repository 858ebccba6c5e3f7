// Pieces of vector attention: packing of 64-row blocks, block products, masks. On Vec; included
// after a vec_*.h and the packers of the instruction set, in one .cc file each.
//
// A Math says what products are made of:
//   Element (of q, k, v), Unit (tile_loops.h), Weight (of probabilities, as stored for a product),
//   kUnit (elements of k in a unit), Pack<kPanel>(source, panel)
#pragma once

#include "kernels/cpu/gemm/tile_loops.h"
#include "kernels/cpu/internal/attention_vector.h"

namespace tessera::cpu::dense {
namespace {

inline constexpr int64_t kLanes = Vec::kLanes;
inline constexpr int kTileRows = Vec::kLanes == 16 ? 8 : 4;
inline constexpr int64_t kPanelColumns = 2 * kLanes;
inline constexpr float kInfinity = __builtin_inff();

inline int64_t RoundUpTo(int64_t x, int64_t step) { return CeilDiv(x, step) * step; }

// Rows of a tensor [batch, position, head, depth], 64 positions of one head at a time.
template <class T>
struct HeadRows {
  T* data;  // position 0 of the head
  int64_t step;
  int64_t positions;
  int64_t depth;

  HeadRows(void* base, int64_t batch, int64_t count, int64_t heads, int64_t head, int64_t size)
      : data(static_cast<T*>(base) + (batch * count * heads + head) * size),
        step(heads * size),
        positions(count),
        depth(size) {}

  T* Row(int64_t position) const { return data + position * step; }
  int64_t RowsOf(int64_t block) const {
    const int64_t left = positions - block * kAttentionBlock;
    return left < kAttentionBlock ? left : kAttentionBlock;
  }
};

// [depth unit][64 rows]: right operand of a product over depth, or left operand row by row.
template <class Math>
void PackColumns(const HeadRows<const typename Math::Element>& rows, int64_t block, void* out) {
  StripSource source;
  source.data = rows.Row(block * kAttentionBlock);
  source.step = rows.step;
  source.k_step = 1;
  source.width = rows.RowsOf(block);
  source.k = rows.depth;
  Math::template Pack<kAttentionBlock>(source, out);
}

// [panel of depth][row unit][columns]: right operand of a product over rows.
template <class Math>
void PackRows(const HeadRows<const typename Math::Element>& rows, int64_t block, void* out) {
  constexpr int64_t kPanelBytes = kAttentionBlock / Math::kUnit * kPanelColumns * 4;
  char* panel = static_cast<char*>(out);
  for (int64_t d = 0; d < rows.depth; d += kPanelColumns, panel += kPanelBytes) {
    StripSource source;
    source.data = rows.Row(block * kAttentionBlock) + d;
    source.step = 1;
    source.k_step = rows.step;
    source.width = rows.depth - d < kPanelColumns ? rows.depth - d : kPanelColumns;
    source.k = rows.RowsOf(block);
    Math::template Pack<kPanelColumns>(source, panel);
  }
}

// out[rows, columns] = product, or out * factors[row] + product when there are factors. Rows and
// columns are rounded up to whole tiles, which all buffers have room for.
template <class Math>
struct BlockProduct {
  using Packed = typename Math::Unit::Packed;
  int64_t rows;
  int64_t columns;
  int64_t units;
  const Packed* left;  // unit u of row r at left[r * row_step + u * unit_step]
  int64_t row_step;
  int64_t unit_step;
  const Packed* right;  // unit u of a panel's columns at right[panel * panel_step + u * right_step]
  int64_t right_step;
  int64_t panel_step;
  float* out;
  int64_t out_step;
  const float* factors;

  [[gnu::noinline]] void Run() const {
    for (int64_t c = 0; c < columns; c += kPanelColumns) {
      const Packed* panel = right + c / kPanelColumns * panel_step;
      for (int64_t r = 0; r < rows; r += kTileRows) Tile(r, panel, out + r * out_step + c);
    }
  }

 private:
  [[gnu::always_inline]] void Tile(int64_t r, const Packed* panel, float* at) const {
    Vec sums[kTileRows][2];
#pragma GCC unroll 8
    for (int i = 0; i < kTileRows; ++i) {
#pragma GCC unroll 2
      for (int j = 0; j < 2; ++j) {
        sums[i][j] = Zero();
        if (factors != nullptr) {
          sums[i][j] = LoadV(at + i * out_step + j * kLanes) * Splat(factors[r + i]);
        }
      }
    }
    SumTile<typename Math::Unit, kTileRows, 2>(units, left + r * row_step, row_step, unit_step,
                                               panel, right_step, sums);
#pragma GCC unroll 8
    for (int i = 0; i < kTileRows; ++i) {
#pragma GCC unroll 2
      for (int j = 0; j < 2; ++j) StoreV(sums[i][j], at + i * out_step + j * kLanes);
    }
  }
};

// Products of two blocks packed as columns: out[i, j] = left row i . right row j.
template <class Math>
void DotBlocks(const void* left, const void* right, int64_t depth, int64_t rows, int64_t columns,
               float* out) {
  using Packed = typename Math::Unit::Packed;
  const BlockProduct<Math> product = {rows,
                                      columns,
                                      CeilDiv(depth, Math::kUnit),
                                      static_cast<const Packed*>(left),
                                      1,
                                      kAttentionBlock,
                                      static_cast<const Packed*>(right),
                                      kAttentionBlock,
                                      kPanelColumns,
                                      out,
                                      kAttentionBlock,
                                      nullptr};
  product.Run();
}

// sums[i, :] = sums[i, :] * factors[i] + weights[i, 0 .. count) . rows, a block packed as rows.
template <class Math>
void AddWeighted(const typename Math::Weight* weights, const void* rows, int64_t depth,
                 int64_t out_rows, int64_t count, const float* factors, float* sums) {
  using Packed = typename Math::Unit::Packed;
  constexpr int64_t kUnits = kAttentionBlock / Math::kUnit;
  const int64_t columns = RoundUpTo(depth, kPanelColumns);
  const BlockProduct<Math> product = {out_rows,
                                      columns,
                                      CeilDiv(count, Math::kUnit),
                                      reinterpret_cast<const Packed*>(weights),
                                      kUnits,
                                      1,
                                      static_cast<const Packed*>(rows),
                                      kPanelColumns,
                                      kUnits * kPanelColumns,
                                      sums,
                                      columns,
                                      factors};
  product.Run();
}

// Lanes of a row of 64 that a mask leaves, and the segments that must agree.
struct RowMask {
  int64_t begin = 0;
  int64_t end = kAttentionBlock;
  const int32_t* segments = nullptr;  // of the 64 lanes
  int32_t segment = 0;

  Vec Apply(int64_t lane, Vec x, Vec other) const {
    x = WhereLanes(begin - lane, end - lane, x, other);
    return segments == nullptr ? x : WhereEqual(segments + lane, segment, x, other);
  }
};

// Scores from raw products, after scale and cap; |slope| becomes the derivative.
struct ScoreRule {
  float scale;
  float cap;

  explicit ScoreRule(const AttentionShape& s)
      : scale(static_cast<float>(s.scale)), cap(static_cast<float>(s.softcap)) {}

  Vec Score(Vec raw) const {
    const Vec x = raw * Splat(scale);
    return cap == 0 ? x : Splat(cap) * Tanh(x * Splat(1 / cap));
  }
  Vec ScoreAndSlope(Vec raw, Vec* slope) const {
    const Vec x = raw * Splat(scale);
    *slope = Splat(scale);
    if (cap == 0) return x;
    const Vec bent = Tanh(x * Splat(1 / cap));
    *slope = *slope * (Splat(1.0f) - bent * bent);
    return Splat(cap) * bent;
  }
};

// 64 segment ids from |first|, those past |count| zero (lanes there are masked by range).
inline void CopySegments(const int32_t* segments, int64_t first, int64_t count, int32_t* out) {
  for (int64_t i = 0; i < kAttentionBlock; ++i) {
    out[i] = first + i < count ? segments[first + i] : 0;
  }
}

// What is added to the scores of 64 queries by 64 keys, from |query_first| and |key_first|; zeros
// where there are none. Rows are keys when |kKeyRows|.
template <bool kKeyRows>
[[gnu::noinline]] void FillAdditions(const ScoreAdditions& additions, int64_t query_first,
                                     int64_t queries, int64_t key_first, int64_t keys,
                                     float* out) {
  for (int64_t r = 0; r < kAttentionBlock; ++r) {
    for (int64_t c = 0; c < kAttentionBlock; ++c) {
      const int64_t query = kKeyRows ? c : r, key = kKeyRows ? r : c;
      const bool exists = query < queries && key < keys;
      out[r * kAttentionBlock + c] =
          exists ? additions.At<float>(query_first + query, key_first + key) : 0;
    }
  }
}

template <class T>
void StoreRow(const float* row, float factor, int64_t depth, T* out) {
  int64_t d = 0;
  for (; d + kLanes <= depth; d += kLanes) StoreV(LoadV(row + d) * Splat(factor), out + d);
  if (d < depth) StorePart(LoadV(row + d) * Splat(factor), out + d, depth - d);
}

}  // namespace
}  // namespace tessera::cpu::dense
