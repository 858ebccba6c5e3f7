// PackAside: what a tile product packs by the way are the bytes that the packer itself would have
// written, and its own sums are those of a product that packs nothing.
#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "tests/kernels/gemm_cases.h"

namespace tessera::cpu::dense {
namespace {

// A strip of |panels| panels of |units| units, packed beside a product of |rows| rows.
template <class T>
void Check(const GemmCase& c, int64_t rows, int64_t columns, int64_t panels, int64_t units) {
  SCOPED_TRACE(c.name + ", rows " + std::to_string(rows) + ", columns " + std::to_string(columns) +
               ", panels " + std::to_string(panels) + ", units " + std::to_string(units));
  const GemmKernel& kernel = *c.kernel;
  ASSERT_TRUE(kernel.packs_aside);
  const int64_t terms = units * kernel.unit, wide = kernel.tile_columns;
  const int64_t step = panels * wide + 3;   // from term to term
  const std::vector<T> source = Numbers<T>(terms * step);
  const int64_t panel_bytes = units * kernel.unit_bytes * wide;
  std::vector<char> expected(static_cast<size_t>(panels * panel_bytes)), got(expected.size());
  for (int64_t i = 0; i < panels; ++i) {
    kernel.pack_rhs({source.data() + i * wide, 1, step, wide, terms},
                    expected.data() + i * panel_bytes);
  }
  const int64_t depth = panels * units;   // of the product, in units: one for each that is packed
  ASSERT_LE(depth * kernel.unit_bytes, kernel.row_block_bytes);
  const std::vector<T> lhs = Numbers<T>(rows * depth * kernel.unit);
  std::vector<char> left(static_cast<size_t>(kernel.tile_rows * kernel.row_bytes()));
  kernel.pack_rows({lhs.data(), depth * kernel.unit, 1, rows, depth * kernel.unit,
                    kernel.row_bytes()},
                   left.data());
  std::vector<char> right(static_cast<size_t>(depth * kernel.unit_bytes * wide));
  kernel.pack_rhs({source.data(), 1, step, wide, std::min(terms, depth * kernel.unit)},
                  right.data());
  std::vector<float> plain(static_cast<size_t>(kernel.tile_rows * wide)), busy(plain.size());
  TileTarget target = {};
  target.rows = static_cast<int32_t>(rows);
  target.columns = static_cast<int32_t>(columns);
  target.out_step = wide;
  target.out = plain.data();
  kernel.product_rows(depth, left.data(), kernel.row_bytes(), right.data(), target);
  const PackAside aside = {reinterpret_cast<const char*>(source.data()),
                           got.data(),
                           step * static_cast<int64_t>(sizeof(T)),
                           wide * static_cast<int64_t>(sizeof(T)),
                           panel_bytes,
                           panels,
                           depth};
  target.aside = &aside;
  target.out = busy.data();
  kernel.product_rows(depth, left.data(), kernel.row_bytes(), right.data(), target);
  EXPECT_EQ(got, expected);
  EXPECT_EQ(std::memcmp(busy.data(), plain.data(), plain.size() * sizeof(float)), 0);
}

TEST(PackAsideTest, PacksWhatThePackerPacks) {
  for (const GemmCase& c : GemmCases()) {
    for (const int64_t rows : {int64_t{1}, int64_t{5}, int64_t{c.kernel->tile_rows}}) {
      for (const int64_t columns : {3, c.kernel->tile_columns}) {
        for (const int64_t panels : {1, 2, 4}) {
          for (const int64_t units : {1, 7, 33}) {
            c.bf16 ? Check<BF16>(c, rows, columns, panels, units)
                   : Check<float>(c, rows, columns, panels, units);
          }
        }
      }
    }
  }
}

// A product that has more units than it packs goes on without.
TEST(PackAsideTest, PacksNoMoreThanIsAsked) {
  for (const GemmCase& c : GemmCases()) {
    if (c.bf16) continue;
    const GemmKernel& kernel = *c.kernel;
    const int64_t wide = kernel.tile_columns, units = 9;
    const std::vector<float> source = Numbers<float>(units * wide);
    std::vector<float> left(static_cast<size_t>(kernel.tile_rows * kernel.row_bytes() / 4), 1.0f);
    std::vector<float> packed(static_cast<size_t>(units * wide), 42.0f);
    std::vector<float> out(static_cast<size_t>(kernel.tile_rows * wide));
    TileTarget target = {};
    target.rows = kernel.tile_rows;
    target.columns = kernel.tile_columns;
    target.out_step = wide;
    target.out = out.data();
    const PackAside aside = {reinterpret_cast<const char*>(source.data()),
                             reinterpret_cast<char*>(packed.data()), wide * 4, wide * 4, 0, 1, 4};
    target.aside = &aside;
    kernel.product_rows(units, left.data(), kernel.row_bytes(), source.data(), target);
    for (int64_t i = 0; i < units * wide; ++i) {
      const auto at = static_cast<size_t>(i);
      EXPECT_EQ(packed[at], i < 4 * wide ? source[at] : 42.0f) << c.name << ", " << i;
    }
  }
}

}  // namespace
}  // namespace tessera::cpu::dense
