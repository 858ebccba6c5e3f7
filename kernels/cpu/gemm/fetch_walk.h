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

// Deals an area out to |tiles| products of a kernel's tiles over |units|. The area is walked in
// columns, as wide as a power of two of runs allows; a tile product gets some rows of one of them.
// An area that is too large for all of them is fetched in part.
class FetchWalk {
 public:
  FetchWalk(const Area& area, int64_t tiles, int64_t units, const GemmKernel& kernel)
      : at_(area.data), end_(area.data + area.lines * kAlign), area_rows_(area.rows) {
    const int64_t most = units * kernel.fetches / kRunLines;
    if (area.rows == 0 || area.lines == 0 || most == 0) {
      end_ = at_;
      return;
    }
    // Four lines of a row, two of two rows or one of four, as those of a row come out even.
    const int64_t lines = area.lines % 4 == 0 ? 4 : area.lines % 2 == 0 ? 2 : 1;
    rows_of_run_ = kRunLines / lines;
    rows_ = CeilDiv(area.rows, rows_of_run_);
    form_.step = area.step * rows_of_run_;
    form_.run_step = lines * kAlign;
    form_.second = lines == 1 ? area.step : kAlign;
    form_.third = lines == 4 ? 2 * kAlign : lines == 2 ? area.step : 2 * area.step;
    const int64_t runs = area.lines / lines;
    int32_t shift = std::countr_zero(static_cast<uint64_t>(runs));
    while (int64_t{1} << shift > most) --shift;
    form_.row_shift = shift;
    form_.run_mask = (1 << shift) - 1;
    width_ = form_.run_step << shift;
    // As few as will do: the rest of a tile's fetches are ahead of the next one's, which then come
    // at an even pace.
    share_ = std::min(most >> shift,
                      CeilDiv(rows_, std::max<int64_t>(1, tiles / (runs >> shift))));
  }

  // Fills |fetch|, which was empty; leaves it so when all is dealt out.
  void Next(Fetch* fetch) {
    if (at_ >= end_) return;
    fetch->SetForm(form_);
    fetch->at = at_ + row_ * form_.step;
    fetch->count = std::min(share_, rows_ - row_) << form_.row_shift;
    row_ += share_;
    if (row_ >= rows_) {
      row_ = 0;
      at_ += width_;
    }
  }

  // All of whose lines have been dealt out.
  int64_t rows() const {
    if (at_ >= end_) return area_rows_;
    return at_ + width_ >= end_ ? std::min(area_rows_, row_ * rows_of_run_) : 0;
  }

 private:
  const char* at_;           // the first row's line where the column begins
  const char* end_;
  int64_t area_rows_;
  Fetch form_ = {};          // of all fetches
  int64_t width_ = kAlign;   // of a column, bytes
  int64_t rows_of_run_ = 1;
  int64_t rows_ = 0;         // of runs, in a column
  int64_t row_ = 0;          // of them, the next
  int64_t share_ = 1;        // of them, of a tile product
};

// All of a strip that is read by row.
inline Fetch FetchStrip(const StripSource& strip, DType in, int64_t units,
                        const GemmKernel& kernel) {
  const auto element = static_cast<int64_t>(SizeOf(in));
  const Area area = {static_cast<const char*>(strip.data), strip.width, strip.step * element,
                     CeilDiv(strip.k * element, kAlign)};
  Fetch fetch;
  FetchWalk(area, 1, units, kernel).Next(&fetch);
  return fetch;
}

}  // namespace tessera::cpu::dense
