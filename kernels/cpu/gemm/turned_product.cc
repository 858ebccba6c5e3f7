#include "kernels/cpu/gemm/turned_product.h"

#include "kernels/cpu/gemm/fetch_walk.h"

namespace tessera::cpu::dense {
namespace {

constexpr int64_t kMostRows = 64;
// Of packed rows: stays in L2 beside what the matrix brings.
constexpr int64_t kMostPackedBytes = 512 << 10;
constexpr int64_t kMostTileRows = 32;
constexpr int64_t kLeftBytes = kMostTileRows * kMostRowBytes;
constexpr int64_t kSumBytes = kMostTileRows * (kMostRows + kMostTileColumns) * 4;
static_assert(kLeftBytes + kSumBytes + kMostPackedBytes <= TSR_THREAD_ROOM_BYTES);

class TurnedProduct {
 public:
  explicit TurnedProduct(const Block& block)
      : b_(block),
        kernel_(*block.kernel),
        element_(static_cast<int64_t>(SizeOf(b_.in))),
        block_k_(kernel_.block_k(true)),
        panel_bytes_(kernel_.panel_bytes(true)),
        rows_(b_.row_end - b_.row_begin),
        panels_(CeilDiv(rows_, kernel_.tile_columns)),
        left_(b_.room),
        sums_(reinterpret_cast<float*>(b_.room + kLeftBytes)),
        packed_(b_.room + kLeftBytes + kSumBytes) {}

  void Run() {
    if (kernel_.enter != nullptr) kernel_.enter();
    for (int64_t first_k = 0; first_k < b_.k; first_k += block_k_) PackRows(first_k);
    for (int64_t c = b_.column_begin; c < b_.column_end; c += kernel_.tile_rows) {
      const int64_t width = std::min<int64_t>(kernel_.tile_rows, b_.column_end - c);
      for (int64_t first_k = 0; first_k == 0 || first_k < b_.k; first_k += block_k_) {
        Multiply(c, width, first_k);
      }
      b_.result == DType::kBF16 ? StoreTurned<BF16>(c, width) : StoreTurned<float>(c, width);
    }
    if (kernel_.leave != nullptr) kernel_.leave();
  }

 private:
  int64_t Depth(int64_t first_k) const {
    return std::max<int64_t>(0, std::min(block_k_, b_.k - first_k));
  }
  char* Panel(int64_t first_k, int64_t j) const {
    return packed_ + (first_k / block_k_ * panels_ + j) * panel_bytes_;
  }
  float* Sums(int64_t j) const { return sums_ + j * kernel_.tile_rows * kernel_.tile_columns; }
  const char* Matrix(int64_t column, int64_t k) const {
    return static_cast<const char*>(b_.rhs) + (column * b_.rhs_column + k) * element_;
  }

  void PackRows(int64_t first_k) {
    StripSource source;
    source.k = Depth(first_k);
    source.step = b_.lhs_row;
    source.k_step = 1;
    for (int64_t j = 0; j < panels_; ++j) {
      const int64_t row = b_.row_begin + j * kernel_.tile_columns;
      source.data =
          static_cast<const char*>(b_.lhs) + (row * b_.lhs_row + first_k) * element_;
      source.width = std::min<int64_t>(kernel_.tile_columns, b_.row_end - row);
      kernel_.pack_rhs(source, Panel(first_k, j));
    }
  }

  // Adds a block of k to the sums of columns [c, c + width).
  void Multiply(int64_t c, int64_t width, int64_t first_k) {
    StripSource source;
    source.k = Depth(first_k);
    source.step = b_.rhs_column;
    source.k_step = 1;
    source.width = width;
    source.panel_row = kernel_.row_bytes();
    source.data = Matrix(c, first_k);
    const LeftRows left = PlaceRows(kernel_, b_.in, source, left_, true);
    const int64_t units = CeilDiv(source.k, kernel_.unit);
    FetchWalk ahead(After(c, first_k), panels_, units, kernel_);
    for (int64_t j = 0; j < panels_; ++j) {
      TileTarget target = {};
      target.out = Sums(j);
      target.add = first_k == 0 ? nullptr : Sums(j);
      target.out_step = target.add_step = kernel_.tile_columns;
      target.rows = static_cast<int32_t>(width);
      target.columns = Columns(j);
      Fetch next;
      ahead.Next(&next);
      target.left = &next;
      kernel_.product_rows(units, left.data, left.row, Panel(first_k, j), target);
    }
  }

  // Whole vectors, as the kernels have one or two of them: the panel goes on with zeros.
  int32_t Columns(int64_t j) const {
    const int64_t left = rows_ - j * kernel_.tile_columns, half = kernel_.tile_columns / 2;
    return static_cast<int32_t>(left <= half ? half : kernel_.tile_columns);
  }

  // What is read of the matrix next.
  Area After(int64_t c, int64_t first_k) const {
    first_k += block_k_;
    if (first_k >= b_.k) {
      first_k = 0;
      c += kernel_.tile_rows;
    }
    const int64_t rows = std::min<int64_t>(kernel_.tile_rows, b_.column_end - c);
    if (rows <= 0) return {};
    return {Matrix(c, first_k), rows, b_.rhs_column * element_,
            CeilDiv(Depth(first_k) * element_, kAlign)};
  }

  template <class T>
  void StoreTurned(int64_t c, int64_t width) {
    for (int64_t row = 0; row < rows_; ++row) {
      T* out = static_cast<T*>(b_.out) + (b_.row_begin + row) * b_.out_step + c;
      const float* sum = Sums(row / kernel_.tile_columns) + row % kernel_.tile_columns;
      for (int64_t i = 0; i < width; ++i) Store(sum[i * kernel_.tile_columns], out + i);
    }
  }

  const Block& b_;
  const GemmKernel& kernel_;
  const int64_t element_;
  const int64_t block_k_;
  const int64_t panel_bytes_;
  const int64_t rows_;
  const int64_t panels_;      // of rows
  char* const left_;          // a panel of the matrix, one block of k
  float* const sums_;         // [panel][column of the tile][row]
  char* const packed_;        // the rows, [block of k][panel]
};

// Rows fill whole vectors of a tile, of which it has two. Few of them are bound by the matrix'
// bytes; with more, a tenth of the vectors empty costs what is gained.
bool FillsVectors(int64_t rows, int64_t tile_columns) {
  const int64_t half = tile_columns / 2, filled = CeilDiv(rows, half) * half;
  return rows <= half || 10 * rows >= 9 * filled;
}

}  // namespace

bool CanTurn(const Block& block) {
  const GemmKernel& kernel = *block.kernel;
  const int64_t rows = block.row_end - block.row_begin;
  const int64_t panels =
      CeilDiv(rows, kernel.tile_columns) * CeilDiv(block.k, kernel.block_k(true));
  return block.slots == nullptr && block.lhs_k == 1 && block.rhs_k == 1 &&
         rows <= kMostRows && kernel.tile_rows <= kMostTileRows &&
         kernel.tile_columns <= kMostTileColumns &&
         panels * kernel.panel_bytes(true) <= kMostPackedBytes;
}

bool TurnsBlock(const Block& block) {
  return CanTurn(block) &&
         FillsVectors(block.row_end - block.row_begin, block.kernel->tile_columns);
}

void MakeTurnedBlock(const Block& block) { TurnedProduct(block).Run(); }

}  // namespace tessera::cpu::dense
