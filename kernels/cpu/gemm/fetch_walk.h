// Memory that the next tiles will read, fetched by the tile products of this moment.
//
// Rows of an operand that is packed where it lies are pages apart, which no prefetcher of the
// machine follows; fetched all at once they would keep the loads of the packing waiting. Lines that
// follow each other are fetched one after the other, which memory does faster than lines of as many
// rows. Not thread-safe: one walk a task.
#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>

#include "kernels/cpu/gemm/kernel.h"

namespace tessera::cpu::dense {

// Lines of memory that will be read: |rows| times |lines| that follow each other.
struct Area {
  const char* data = nullptr;
  int64_t rows = 0;
  int64_t step = 0;  // bytes from row to row
  int64_t lines = 0;
};

// Deals an area out to |tiles| tile products that make |fetches| each. The area is walked in
// columns, as wide as a power of two of lines allows; a tile product gets some rows of one of them.
// An area that is too large for all of them is fetched in part.
class FetchWalk {
 public:
  FetchWalk(const Area& area, int64_t tiles, int64_t fetches, const char* idle)
      : area_(area), at_(area.data), end_(area.data + area.lines * kAlign), idle_(idle) {
    if (area.rows == 0 || area.lines == 0) {
      end_ = at_;
      return;
    }
    // Each line more than once where there are fetches to spare, so that they are spread.
    constexpr int32_t kMostRepeats = 3;
    for (int32_t repeats = kMostRepeats; repeats >= 0; --repeats) {
      if (Divide(tiles, fetches, repeats)) break;
    }
  }

  Fetch Next() {
    if (at_ >= end_) return {idle_, 0};
    const Fetch fetch = {at_ + row_ * area_.step, area_.step, line_shift_ + lines_shift_,
                         line_shift_, (1 << lines_shift_) - 1};
    row_ += rows_;
    if (row_ >= area_.rows) {
      row_ = 0;
      at_ += kAlign << lines_shift_;
    }
    return fetch;
  }

  // All of whose lines have been dealt out.
  int64_t rows() const {
    if (at_ >= end_) return area_.rows;
    return at_ + (kAlign << lines_shift_) >= end_ ? row_ : 0;
  }

 private:
  // Whether the area is done in time when every line is fetched 2^repeats times.
  bool Divide(int64_t tiles, int64_t fetches, int32_t repeats) {
    const int64_t distinct = std::max<int64_t>(1, fetches >> repeats);
    line_shift_ = repeats;
    lines_shift_ = std::countr_zero(static_cast<uint64_t>(area_.lines));
    while (int64_t{1} << lines_shift_ > distinct) --lines_shift_;
    rows_ = distinct >> lines_shift_;
    const int64_t columns = area_.lines >> lines_shift_;
    if (CeilDiv(area_.rows, rows_) * columns > tiles) return false;
    // As few as will do: the rest of a tile's fetches are ahead of the next one's, which then come
    // at an even pace.
    rows_ = CeilDiv(area_.rows, tiles / columns);
    return true;
  }

  Area area_;
  const char* at_;           // the first row's line where the column begins
  const char* end_;
  const char* idle_;
  int64_t row_ = 0;
  int64_t rows_ = 1;         // for a tile product
  int32_t line_shift_ = 0;
  int32_t lines_shift_ = 0;  // of the lines of a column
};

}  // namespace tessera::cpu::dense
