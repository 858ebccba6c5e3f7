#include "kernels/cpu/gemm/block_product.h"

#include <algorithm>
#include <cstring>

#include "kernels/cpu/gemm/fetch_walk.h"

namespace tessera::cpu::dense {
namespace {

constexpr int64_t kLinesTogether = 4;   // of a row of the right operand
constexpr int64_t kTermsTogether = 64;  // that are packed at a time
constexpr int64_t kMostGroupBytes = 2 * kMostTileColumns * kMostBlockBytes;
constexpr int64_t kMostUnitBytes = 1024;   // of a block of k, where the left operand lies by unit
constexpr int64_t kScratchBytes = kTaskRows * kTaskColumns * 4 + 2 * kMostGroupBytes;
static_assert(kTaskRows * kMostUnitBytes + kScratchBytes <= TSR_THREAD_ROOM_BYTES);
static_assert(kTaskRows * (kMostRowBytes + kRowTaskColumns * 4) + 2 * kMostGroupBytes <=
              TSR_THREAD_ROOM_BYTES);

// Rows of each of |tiles| tiles: as even as a kernel that rounds up to even numbers can use.
int64_t EvenRows(int64_t rows, int64_t tiles) {
  return std::min(rows, CeilDiv(CeilDiv(rows, tiles), 2) * 2);
}

class BlockProduct {
 public:
  explicit BlockProduct(const Block& block)
      : b_(block),
        kernel_(*block.kernel),
        by_row_(b_.lhs_k == 1 && !b_.gathers_terms),
        block_k_(kernel_.block_k(by_row_)),
        term_bytes_(kernel_.unit_bytes / kernel_.unit * kernel_.tile_columns),
        panel_bytes_(kernel_.panel_bytes(by_row_)),
        left_bytes_(kernel_.left_bytes(by_row_)),
        tiles_(CeilDiv(b_.row_end - b_.row_begin, kernel_.tile_rows)),
        tile_rows_(EvenRows(b_.row_end - b_.row_begin, tiles_)),
        group_panels_(GroupPanels()),
        left_(b_.room),
        scratch_(b_.room + tiles_ * left_bytes_) {}

  void Run() {
    if (kernel_.enter != nullptr) kernel_.enter();
    if (IsShallow()) {
      RunShallow();
    } else {
      const int64_t blocks = std::max<int64_t>(1, CeilDiv(b_.k, block_k_));
      group_ = GroupAt(b_.column_begin, 0, b_.column_begin);
      for (int64_t window = b_.column_begin; window < b_.column_end; window += b_.window) {
        for (int64_t i = 0; i < blocks; ++i) {
          PackLeft(i * block_k_);
          Multiply(window, i * block_k_, i == 0, i + 1 == blocks);
        }
      }
    }
    if (kernel_.leave != nullptr) kernel_.leave();
  }

 private:
  // Panels of the right operand that are fetched and packed together.
  struct Group {
    int64_t window, first_k, column, panels;
    int64_t packed;   // terms
  };

  int64_t WindowEnd(int64_t window) const { return std::min(window + b_.window, b_.column_end); }

  int64_t Depth(int64_t first_k) const {
    return std::max<int64_t>(0, std::min(block_k_, b_.k - first_k));
  }
  int64_t element() const { return static_cast<int64_t>(SizeOf(b_.in)); }

  // Rows [first, first + count) of tokens, the columns [column, column + width) of them, side by
  // side.
  const char* Gather(int64_t first, int64_t count, int64_t column, int64_t width) {
    const auto bytes = static_cast<size_t>(width * element());
    const int64_t row_bytes = b_.shape->inner * element();
    char* const gathered = GroupRoom(!other_);
    char* out = gathered;
    for (int64_t i = first; i < first + count; ++i, out += bytes) {
      const int64_t token = TokenOf(*b_.shape, b_.slots[i]);
      if (token < 0) {
        std::memset(out, 0, bytes);
      } else {
        std::memcpy(out, static_cast<const char*>(b_.lhs) + token * row_bytes + column * element(),
                    bytes);
      }
    }
    return gathered;
  }

  // Of terms as many tiles are gathered at a time as there is room for.
  void PackGathered(int64_t first_k) {
    const int64_t depth = Depth(first_k);
    const int64_t most =
        group_panels_ * panel_bytes_ / kernel_.block_bytes(by_row_) / tile_rows_ * tile_rows_;
    StripSource source;
    source.k = depth;
    source.step = by_row_ ? depth : 1;
    source.k_step = 1;
    source.panel_row = kernel_.row_bytes();
    const char* terms = nullptr;
    char* panel = left_;
    for (int64_t row = b_.row_begin; row < b_.row_end; row += tile_rows_) {
      source.width = std::min(tile_rows_, b_.row_end - row);
      const int64_t at = (row - b_.row_begin) % most;
      if (!by_row_ && at == 0) {
        source.k_step = std::min(most, b_.row_end - row);
        terms = Gather(first_k, depth, row, source.k_step);
      }
      source.data =
          by_row_ ? Gather(row, source.width, first_k, depth) : terms + at * element();
      (by_row_ ? kernel_.pack_rows : kernel_.pack_units)(source, panel);
      panel += left_bytes_;
    }
  }

  // The left operand's rows at |row|, a block of k of them.
  StripSource LeftStrip(int64_t first_k, int64_t row) const {
    StripSource strip;
    strip.k = Depth(first_k);
    strip.step = b_.lhs_row;
    strip.k_step = b_.lhs_k;
    strip.width = std::min(tile_rows_, b_.row_end - row);
    strip.panel_row = kernel_.row_bytes();
    strip.data = static_cast<const char*>(b_.lhs) +
                 (row * b_.lhs_row + first_k * b_.lhs_k) * element();
    return strip;
  }

  // All but rows that the first column takes where they lie, or packs itself.
  void PackLeft(int64_t first_k) {
    if (b_.slots != nullptr) return PackGathered(first_k);
    if (by_row_) return;
    char* panel = left_;
    for (int64_t row = b_.row_begin; row < b_.row_end; row += tile_rows_, panel += left_bytes_) {
      kernel_.pack_units(LeftStrip(first_k, row), panel);
    }
  }

  const char* Right(int64_t k, int64_t column) const {
    return static_cast<const char*>(b_.rhs) + (k * b_.rhs_k + column * b_.rhs_column) * element();
  }

  // Packs terms [from, to) of a block of k of the panel that begins at |column|.
  void PackRight(int64_t first_k, int64_t column, int64_t from, int64_t to, char* panel) {
    StripSource source;
    source.k = to - from;
    source.step = b_.rhs_column;
    source.k_step = b_.rhs_k;
    source.data = Right(first_k + from, column);
    source.width = std::min<int64_t>(kernel_.tile_columns, b_.column_end - column);
    kernel_.pack_rhs(source, panel + from * term_bytes_);
  }

  // As many as make some lines of a row. There is room for two groups: one is packed while another
  // one is used.
  int64_t GroupPanels() const {
    if (b_.rhs_column != 1) return 1;
    const int64_t wanted = kLinesTogether * kAlign / (kernel_.tile_columns * element());
    return std::clamp<int64_t>(wanted, 1, kMostGroupBytes / panel_bytes_);
  }

  // The group at |column|; after the last column of a window the first one of the next block of k,
  // after the last block the next window's. After all of them one without panels.
  Group GroupAt(int64_t window, int64_t first_k, int64_t column) const {
    if (column >= WindowEnd(window)) {
      first_k += block_k_;
      if (first_k >= b_.k) {
        first_k = 0;
        window += b_.window;
      }
      column = window;
    }
    const int64_t left = CeilDiv(WindowEnd(window) - column, kernel_.tile_columns);
    return {window, first_k, column, std::clamp<int64_t>(left, 0, group_panels_), 0};
  }

  // What is packed of a group.
  Area AreaOf(const Group& group) const {
    const int64_t depth = Depth(group.first_k);
    if (depth == 0 || group.panels == 0) return {};
    const int64_t columns =
        std::min(group.panels * kernel_.tile_columns, WindowEnd(group.window) - group.column);
    const char* data = Right(group.first_k, group.column);
    if (b_.rhs_column == 1) {
      return {data, depth, b_.rhs_k * element(), CeilDiv(columns * element(), kAlign)};
    }
    return {data, columns, b_.rhs_column * element(), CeilDiv(depth * element(), kAlign)};
  }

  // The first |terms| of it.
  void PackGroup(int64_t terms, char* panels, Group* group) {
    while (group->packed < terms) {
      const int64_t end = std::min(terms, group->packed + kTermsTogether);
      for (int64_t i = 0; i < group->panels; ++i) {
        PackRight(group->first_k, group->column + i * kernel_.tile_columns, group->packed, end,
                  panels + i * panel_bytes_);
      }
      group->packed = end;
    }
  }

  bool PacksAside() const { return kernel_.packs_aside && b_.rhs_column == 1; }

  // Gives a tile product of |units| what it packs of a group: of the |ready| terms that are fetched
  // whole units of whole panels.
  PackAside TakeAside(int64_t ready, int64_t units, Group* group) {
    PackAside aside;
    if (!PacksAside() || group->panels == 0 ||
        group->column + group->panels * kernel_.tile_columns > b_.column_end) {
      return aside;
    }
    const int64_t terms = std::min(ready - group->packed, units / group->panels * kernel_.unit) /
                          kernel_.unit * kernel_.unit;
    if (terms <= 0) return aside;
    aside.from = Right(group->first_k + group->packed, group->column);
    aside.to = GroupRoom(other_) + group->packed * term_bytes_;
    aside.row = b_.rhs_k * element();
    aside.from_step = kernel_.tile_columns * element();
    aside.to_step = panel_bytes_;
    aside.panels = group->panels;
    aside.count = terms / kernel_.unit * group->panels;
    group->packed += terms;
    return aside;
  }

  char* GroupRoom(bool other) {
    return scratch_ + SumBytes() + (other ? group_panels_ * panel_bytes_ : 0);
  }

  void Multiply(int64_t window, int64_t first_k, bool first, bool last) {
    const int64_t units = CeilDiv(Depth(first_k), kernel_.unit);
    const TileProduct product = by_row_ ? kernel_.product_rows : kernel_.product_units;
    float* sums = reinterpret_cast<float*>(scratch_);
    Fetch rows;
    if (ReadsRows()) rows = FetchStrip(LeftStrip(first_k, b_.row_begin), b_.in, units, kernel_);
    while (group_.window == window && group_.first_k == first_k) {
      const char* right = GroupRoom(other_);
      PackGroup(Depth(first_k), GroupRoom(other_), &group_);
      other_ = !other_;
      Group next = GroupAt(window, first_k, group_.column + group_.panels * kernel_.tile_columns);
      // The last tile packs what was fetched before it. One tile of few rows does for a panel: it
      // has the left one in L1 and fetches in its place too.
      const int64_t tiles = tiles_ * group_.panels;
      const bool few = tiles_ == 1;
      const int64_t fetches = few ? 2 * tiles : PacksAside() ? tiles - 1 : tiles;
      FetchWalk ahead(AreaOf(next), fetches, units, kernel_);
      int64_t ready = 0;   // terms of the next group that are fetched
      for (int64_t i = 0; i < group_.panels; ++i, right += panel_bytes_) {
        char* left = left_;
        for (int64_t row = b_.row_begin; row < b_.row_end; row += tile_rows_) {
          TileTarget target = Result(row, group_.column + i * kernel_.tile_columns);
          if (!last) {
            target.out = sums;
            target.out_step = kernel_.tile_columns;
            target.bf16 = target.stream = false;
          }
          target.add = first ? nullptr : sums;
          target.add_step = kernel_.tile_columns;
          LeftRows lhs = {left, kernel_.row_bytes()};
          Fetch of_left;
          if (ReadsRows()) {
            const StripSource strip = LeftStrip(first_k, row);
            const bool first_column = i == 0 && group_.column == window;
            lhs = PlaceRows(kernel_, b_.in, strip, left, first_column);
            // Lines of a panel are in L2: to fetch them would hold up those of the right operand.
            if (first_column || lhs.data != left) {
              SetNextRows(strip, first_column ? &rows : nullptr, &of_left);
            }
          }
          if (few) ahead.Next(&of_left);
          Fetch of_right;
          ahead.Next(&of_right);
          target.left = &of_left;
          target.right = &of_right;
          const PackAside aside = TakeAside(ready, units, &next);
          target.aside = &aside;
          product(units, lhs.data, lhs.row, right, target);
          ready = ahead.rows();
          sums += kernel_.tile_rows * kernel_.tile_columns;
          left += left_bytes_;
          if (b_.rhs_column == 1 && !PacksAside()) {
            PackGroup(ahead.rows() / kTermsTogether * kTermsTogether, GroupRoom(other_), &next);
          }
        }
      }
      group_ = next;
    }
  }

  // Whether the left operand's rows are not gathered, so that tiles may take them where they lie.
  bool ReadsRows() const { return by_row_ && b_.slots == nullptr; }

  // Of the rows after |strip|: like |first|, those of the first tile, all that the first column
  // reads for the first time; then their first lines.
  void SetNextRows(const StripSource& strip, const Fetch* first, Fetch* next) const {
    const int64_t row_bytes = b_.lhs_row * element();
    next->at = static_cast<const char*>(strip.data) + strip.width * row_bytes;
    if (first != nullptr) {
      next->SetForm(*first);
    } else {
      next->count = strip.width;
      next->step = row_bytes;
      next->second = kAlign;
      next->third = 2 * kAlign;
    }
  }

  // The tile at |row| and |column| of the result.
  TileTarget Result(int64_t row, int64_t column) const {
    TileTarget target = {};
    target.rows = static_cast<int32_t>(std::min(tile_rows_, b_.row_end - row));
    target.columns =
        static_cast<int32_t>(std::min<int64_t>(kernel_.tile_columns, b_.column_end - column));
    target.bf16 = b_.result == DType::kBF16;
    target.stream = b_.streams;
    target.out = static_cast<char*>(b_.out) +
                 (row * b_.out_step + column) * static_cast<int64_t>(SizeOf(b_.result));
    target.out_step = b_.out_step;
    return target;
  }

  int64_t ColumnPanels() const {
    return CeilDiv(std::min(b_.window, b_.column_end - b_.column_begin), kernel_.tile_columns);
  }
  // Of all tiles of a window, tile by tile, when there are several blocks of k.
  int64_t SumBytes() const {
    if (b_.k <= block_k_) return 0;
    return tiles_ * kernel_.tile_rows * ColumnPanels() * kernel_.tile_columns * 4;
  }
  int64_t ShallowPanelBytes() const {
    return CeilDiv(b_.k, kernel_.unit) * kernel_.unit * term_bytes_;
  }

  // Whether there are so few terms that all of the right operand is packed at once.
  bool IsShallow() const {
    return !by_row_ && b_.k <= block_k_ &&
           ColumnPanels() * ShallowPanelBytes() <= kScratchBytes;
  }

  // Sums of few terms, as in the gradient of an expert of few rows, are mostly writing: row after
  // row, since lines of many rows at a time are slow to write.
  void RunShallow() {
    const int64_t units = CeilDiv(b_.k, kernel_.unit), bytes = ShallowPanelBytes();
    PackLeft(0);
    char* right = scratch_;
    for (int64_t column = b_.column_begin; column < b_.column_end; column += kernel_.tile_columns) {
      PackRight(0, column, 0, b_.k, right);
      right += bytes;
    }
    const char* left = left_;
    for (int64_t row = b_.row_begin; row < b_.row_end; row += tile_rows_, left += left_bytes_) {
      right = scratch_;
      for (int64_t column = b_.column_begin; column < b_.column_end;
           column += kernel_.tile_columns, right += bytes) {
        TileTarget target = Result(row, column);
        kernel_.product_units(units, left, 0, right, target);
      }
    }
  }

  const Block& b_;
  const GemmKernel& kernel_;
  const bool by_row_;
  const int64_t block_k_;
  const int64_t term_bytes_;    // of a panel of the right operand
  const int64_t panel_bytes_;   // of a block of k
  const int64_t left_bytes_;    // of a panel
  const int64_t tiles_;         // one below the other, all but the last of tile_rows_ rows
  const int64_t tile_rows_;
  const int64_t group_panels_;  // at most
  Group group_ = {};            // that is used next, and where it lies
  bool other_ = false;
  char* const left_;            // a block of k
  // Sums of earlier blocks of k, tile by tile, then two groups of panels; or all panels. The group
  // that is not in use has what is gathered while the left operand is packed.
  char* const scratch_;
};

}  // namespace

bool MakesBlocks(const GemmKernel& kernel) {
  return kernel.tile_columns <= kMostTileColumns && kernel.tile_rows <= kTaskRows &&
         kernel.row_block_bytes <= kMostBlockBytes && kernel.unit_block_bytes <= kMostUnitBytes;
}

void MakeBlock(const Block& block) {
  BlockProduct product(block);
  product.Run();
}

}  // namespace tessera::cpu::dense
