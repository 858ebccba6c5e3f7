// Memory that the next tiles will read, fetched by the tile products of this moment.
//
// Rows of an operand that is packed where it lies are pages apart, which no prefetcher of the
// machine follows; fetched all at once they would keep the loads of the packing waiting. Not
// thread-safe: one walk a task.
#pragma once

#include <algorithm>
#include <cstdint>

#include "kernels/cpu/gemm/kernel.h"

namespace tessera::cpu::dense {

inline constexpr int64_t kAlign = 64;   // of a cache line

// Lines of memory that will be read: |rows| times |lines| that follow each other.
struct Area {
  const char* data = nullptr;
  int64_t rows = 0;
  int64_t step = 0;  // bytes from row to row
  int64_t lines = 0;
};

// All of it at once, row by row.
inline void FetchNow(const Area& area) {
  for (int64_t row = 0; row < area.rows; ++row) {
    for (int64_t line = 0; line < area.lines; ++line) {
      __builtin_prefetch(area.data + row * area.step + line * kAlign, 0, 2);
    }
  }
}

// Deals an area out to |tiles| tile products that make |fetches| each: some rows of one of its
// lines to every one. An area that is too large for all of them is fetched in part.
class FetchWalk {
 public:
  FetchWalk(const Area& area, int64_t tiles, int64_t fetches, const char* idle)
      : area_(area), line_(area.data), end_(area.data + area.lines * kAlign), idle_(idle) {
    constexpr int32_t kMostShift = 3;
    if (area.rows == 0) end_ = line_;
    for (shift_ = kMostShift;; --shift_) {
      rows_ = std::max<int64_t>(1, fetches >> shift_);
      if (shift_ == 0 || CeilDiv(area.rows, rows_) * area.lines <= tiles) break;
    }
  }

  Fetch Next() {
    if (line_ >= end_) return {idle_, 0, 0};
    const Fetch fetch = {line_ + row_ * area_.step, area_.step, shift_};
    row_ += rows_;
    if (row_ >= area_.rows) {
      row_ = 0;
      line_ += kAlign;
    }
    return fetch;
  }

 private:
  const Area area_;
  const char* line_;
  const char* end_;
  const char* idle_;
  int64_t row_ = 0;
  int64_t rows_;
  int32_t shift_;
};

}  // namespace tessera::cpu::dense
