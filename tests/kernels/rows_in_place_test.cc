// ReadsInPlace: rows that a tile product reads where they lie give the sums of a packed panel, and
// nothing beyond them is read.
#include <cstring>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "tests/kernels/gemm_cases.h"

namespace tessera::cpu::dense {
namespace {

// Of rows that are packed, and of the same rows where they lie: |step| elements apart, the last
// ones of their buffer.
template <class T>
void Check(const GemmCase& c, int64_t rows, int64_t k, int64_t step) {
  SCOPED_TRACE(c.name + ", rows " + std::to_string(rows) + ", k " + std::to_string(k) + ", step " +
               std::to_string(step));
  const GemmKernel& kernel = *c.kernel;
  const std::vector<T> lhs = Numbers<T>((rows - 1) * step + k);
  const StripSource strip = {lhs.data(), step, 1, rows, k, kernel.row_bytes()};
  if (!ReadsInPlace(kernel, c.bf16 ? DType::kBF16 : DType::kF32, strip)) return;
  const int64_t wide = kernel.tile_columns, units = CeilDiv(k, kernel.unit);
  const std::vector<T> matrix = Numbers<T>(k * wide);
  std::vector<char> right(static_cast<size_t>(units * kernel.unit_bytes * wide));
  kernel.pack_rhs({matrix.data(), 1, wide, wide, k}, right.data());
  std::vector<char> left(static_cast<size_t>(kernel.left_bytes(true)));
  kernel.pack_rows(strip, left.data());
  std::vector<float> packed(static_cast<size_t>(rows * wide)), in_place(packed.size());
  TileTarget target = {};
  target.rows = static_cast<int32_t>(rows);
  target.columns = static_cast<int32_t>(wide);
  target.out_step = wide;
  target.out = packed.data();
  kernel.product_rows(units, left.data(), kernel.row_bytes(), right.data(), target);
  target.out = in_place.data();
  kernel.product_rows(units, lhs.data(), step * static_cast<int64_t>(sizeof(T)), right.data(),
                      target);
  EXPECT_EQ(std::memcmp(in_place.data(), packed.data(), packed.size() * sizeof(float)), 0);
}

TEST(RowsInPlaceTest, GiveTheSumsOfAPanel) {
  for (const GemmCase& c : GemmCases()) {
    for (int64_t rows = 1; rows <= c.kernel->tile_rows; ++rows) {
      for (const int64_t k : {1, 2, 31, 64, 254}) {
        for (const int64_t step : {k, k + 2, int64_t{512}}) {
          if (k > step || k > c.kernel->block_k(true)) continue;
          c.bf16 ? Check<BF16>(c, rows, k, step) : Check<float>(c, rows, k, step);
        }
      }
    }
  }
}

// Each reason for which rows are packed, beside rows that need it not.
TEST(RowsInPlaceTest, PacksWhatItMust) {
  for (const GemmCase& c : GemmCases()) {
    SCOPED_TRACE(c.name);
    const GemmKernel& kernel = *c.kernel;
    const DType in = c.bf16 ? DType::kBF16 : DType::kF32;
    const auto element = static_cast<int64_t>(SizeOf(in));
    const bool converts = element * kernel.unit != kernel.unit_bytes;
    alignas(64) const char data[64] = {};
    const StripSource fine = {data, 520, 1, kernel.tile_rows, 128, kernel.row_bytes()};
    EXPECT_EQ(ReadsInPlace(kernel, in, fine), !converts);
    StripSource strip = fine;
    strip.width = 3;   // a fourth row would be read
    EXPECT_FALSE(ReadsInPlace(kernel, in, strip));
    strip = fine;
    strip.step = 16384 / element;   // all rows in one set of L1
    EXPECT_EQ(ReadsInPlace(kernel, in, strip), !converts && kernel.tile_rows <= 7);
    strip = fine;
    strip.data = data + 2;   // no whole number of 32 bits
    EXPECT_FALSE(ReadsInPlace(kernel, in, strip));
    strip = fine;
    strip.k = 127;
    EXPECT_EQ(ReadsInPlace(kernel, in, strip), !converts && kernel.unit == 1);
    strip = fine;
    strip.step = 521;
    EXPECT_EQ(ReadsInPlace(kernel, in, strip), !converts && element == 4);
  }
}

}  // namespace
}  // namespace tessera::cpu::dense
