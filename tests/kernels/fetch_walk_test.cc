// FetchWalk: what the tile products fetch between them is the whole area, where they may fetch so
// much, and no tile fetches more than it has units for.
#include "kernels/cpu/gemm/fetch_walk.h"

#include <cstdint>
#include <set>
#include <utility>
#include <vector>

#include "gtest/gtest.h"

namespace tessera::cpu::dense {
namespace {

// Where the area begins; nothing is read of it.
const char* const kBase = reinterpret_cast<const char*>(intptr_t{1} << 30);

struct Case {
  int64_t rows, step, lines;   // of the area; step in lines
  int64_t tiles, units;
  int32_t fetches = 1;
};

// Lines as (row, line), from the addresses that a kernel would work out.
std::set<std::pair<int64_t, int64_t>> LinesOf(const Case& c, FetchWalk& walk) {
  std::set<std::pair<int64_t, int64_t>> lines;
  const int64_t most = c.units * c.fetches / kRunLines;
  for (int64_t tile = 0; tile < c.tiles; ++tile) {
    Fetch fetch;
    walk.Next(&fetch);
    EXPECT_LE(fetch.count, most);
    for (int64_t run = 0; run < fetch.count; ++run) {
      const char* first = fetch.FirstLine(run);
      for (const int64_t offset :
           {int64_t{0}, fetch.second, fetch.third, fetch.second + fetch.third}) {
        const int64_t at = (first + offset - kBase) / kAlign;
        lines.insert({at / c.step, at % c.step});
      }
    }
  }
  return lines;
}

FetchWalk WalkOf(const Case& c) {
  GemmKernel kernel = {};
  kernel.fetches = c.fetches;
  return FetchWalk({kBase, c.rows, c.step * kAlign, c.lines}, c.tiles, c.units, kernel);
}

TEST(FetchWalkTest, TilesFetchTheWholeArea) {
  const std::vector<Case> cases = {
      {512, 1, 1, 8, 256},      // a packed panel: rows of one line that follow each other
      {256, 16, 1, 20, 256},    // single lines of rows that lie apart
      {256, 16, 2, 20, 256},    // runs of two rows
      {255, 16, 2, 20, 256},    // of which the last is half one
      {32, 64, 16, 3, 256},     // whole rows
      {32, 64, 12, 3, 256},     // rows of three runs: columns of one
      {7, 5, 3, 30, 64},        // nothing comes out even
      {1, 1, 1, 1, 4},          // one line
      {1, 8, 8, 1, 8},          // one row
      {112, 64, 16, 60, 16, 8}, // many fetches with each unit
  };
  for (const Case& c : cases) {
    FetchWalk walk = WalkOf(c);
    EXPECT_LT(walk.rows(), c.rows);
    const auto lines = LinesOf(c, walk);
    for (int64_t row = 0; row < c.rows; ++row) {
      for (int64_t line = 0; line < c.lines; ++line) {
        EXPECT_TRUE(lines.contains({row, line}))
            << c.rows << " rows of " << c.lines << ": row " << row << ", line " << line;
      }
    }
    EXPECT_EQ(walk.rows(), c.rows);
    Fetch rest;
    walk.Next(&rest);
    EXPECT_EQ(rest.count, 0);
  }
}

// What is said to be dealt out has been.
TEST(FetchWalkTest, RowsThatAreDoneHaveBeenFetchedWhole) {
  const Case c = {256, 16, 4, 24, 64};
  FetchWalk walk = WalkOf(c);
  std::set<std::pair<int64_t, int64_t>> lines;
  Case tile = c;
  tile.tiles = 1;
  for (int64_t i = 0; i < c.tiles; ++i) {
    lines.merge(LinesOf(tile, walk));
    for (int64_t row = 0; row < walk.rows(); ++row) {
      for (int64_t line = 0; line < c.lines; ++line) {
        ASSERT_TRUE(lines.contains({row, line})) << "tile " << i << ", row " << row;
      }
    }
  }
  EXPECT_EQ(walk.rows(), c.rows);
}

TEST(FetchWalkTest, AreasThatAreTooLargeAreFetchedInPart) {
  const Case c = {1000, 16, 16, 2, 16};
  FetchWalk walk = WalkOf(c);
  const auto lines = LinesOf(c, walk);
  EXPECT_EQ(lines.size(), size_t{2 * 16});
  EXPECT_LT(walk.rows(), c.rows);
}

TEST(FetchWalkTest, NothingToFetchAndNoTimeForItAreNoFetches) {
  for (const Case& c : {Case{0, 1, 4, 8, 256}, Case{4, 1, 0, 8, 256}, Case{4, 4, 4, 8, 3}}) {
    FetchWalk walk = WalkOf(c);
    Fetch rest;
    walk.Next(&rest);
    EXPECT_EQ(rest.count, 0);
  }
}

}  // namespace
}  // namespace tessera::cpu::dense
