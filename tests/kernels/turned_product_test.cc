// Method: blocks made with their operands exchanged have every bit of the same blocks made the
// usual way, whatever the tails, and nothing beside them is written.
#include "kernels/cpu/gemm/turned_product.h"

#include <cstdint>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "tests/kernels/gemm_cases.h"
#include "tests/support/thread_room.h"

namespace tessera::cpu::dense {
namespace {

struct Shape {
  int64_t rows, columns, k;
};

// Rows x[rows, k] by a transposed matrix w[columns, k].
template <class T>
struct Product {
  explicit Product(const GemmCase& c, const Shape& s, DType result_type)
      : x(Numbers<T>(s.rows * s.k)),
        w(Numbers<T>(s.columns * s.k + 5)),
        out(static_cast<size_t>(s.rows * s.columns) * SizeOf(result_type) + 64, 0x7f) {
    block.kernel = c.kernel;
    block.lhs = x.data();
    block.rhs = w.data() + 5;
    block.out = out.data() + 32;
    block.in = c.bf16 ? DType::kBF16 : DType::kF32;
    block.result = result_type;
    block.lhs_row = block.rhs_column = s.k;
    block.lhs_k = block.rhs_k = 1;
    block.out_step = s.columns;
    block.row_end = s.rows;
    block.column_end = s.columns;
    block.k = s.k;
    block.window = EvenBlock(s.columns, c.kernel->tile_columns, kTaskColumns);
    block.room = static_cast<char*>(TestRoom());
  }

  std::vector<T> x, w;
  std::vector<char> out;
  Block block = {};
};

template <class T>
void Check(const GemmCase& c, const Shape& shape, DType result, int64_t first_column = 0) {
  SCOPED_TRACE(c.name + " to " + std::string(Name(result)) + ", rows " +
               std::to_string(shape.rows) + ", columns " + std::to_string(first_column) + " to " +
               std::to_string(shape.columns) + ", terms " + std::to_string(shape.k));
  Product<T> usual(c, shape, result), turned(c, shape, result);
  usual.block.column_begin = turned.block.column_begin = first_column;
  OwnTestRoom().Fill();
  MakeBlock(usual.block);
  ASSERT_TRUE(CanTurn(turned.block));
  OwnTestRoom().Fill();
  MakeTurnedBlock(turned.block);
  EXPECT_TRUE(TestRoomIntact());
  EXPECT_EQ(turned.out, usual.out);
}

void CheckBoth(const GemmCase& c, const Shape& shape, int64_t first_column = 0) {
  for (const DType result : {DType::kF32, DType::kBF16}) {
    if (c.bf16) {
      Check<BF16>(c, shape, result, first_column);
    } else {
      Check<float>(c, shape, result, first_column);
    }
  }
}

TEST(TurnedProductTest, HasTheBitsOfTheUsualProduct) {
  for (const GemmCase& c : GemmCases()) {
    for (const int64_t rows : {1, 7, 8, 15, 16, 17, 31, 32, 33, 50, 64}) {
      for (const int64_t columns : {1, 2, 13, 14, 15, 29, 60}) {
        CheckBoth(c, {rows, columns, 37});
      }
    }
    for (const int64_t k : {0, 1, 2, 31, 32, 33, 255, 256, 257, 511, 512, 513, 1100}) {
      CheckBoth(c, {33, 17, k});
      CheckBoth(c, {9, 40, k}, 14);
    }
  }
}

TEST(TurnedProductTest, IsForRowsThatFitTheRoomAndFillVectors) {
  if (GemmCases().empty()) GTEST_SKIP() << "this machine has scalar code only";
  const GemmCase c = GemmCases().front();
  const auto takes = [&](const Shape& shape, void (*change)(Block*) = nullptr) {
    Block block = {};
    block.kernel = c.kernel;
    block.in = c.bf16 ? DType::kBF16 : DType::kF32;
    block.lhs_row = block.rhs_column = block.k = shape.k;
    block.lhs_k = block.rhs_k = 1;
    block.row_end = shape.rows;
    block.column_end = shape.columns;
    if (change != nullptr) change(&block);
    EXPECT_TRUE(CanTurn(block) || !TurnsBlock(block));
    return TurnsBlock(block);
  };
  EXPECT_TRUE(takes({64, 1000, 300}));
  const int64_t vector = c.kernel->tile_columns / 2;
  EXPECT_TRUE(takes({1, 1000, 300}));
  EXPECT_TRUE(takes({vector, 1000, 300}));
  EXPECT_FALSE(takes({vector + 1, 1000, 300})) << "half of the vectors would be empty";
  EXPECT_FALSE(takes({65, 1000, 300})) << "rows pay for transposing the matrix";
  EXPECT_FALSE(takes({64, 1000, 1 << 20})) << "packed rows do not fit";
  EXPECT_FALSE(takes({8, 10, 30}, [](Block* block) { block->rhs_k = 10; })) << "not transposed";
  EXPECT_FALSE(takes({8, 10, 30}, [](Block* block) {
    static constexpr int32_t kSlots[8] = {};
    block->slots = kSlots;
  })) << "rows of tokens";
}

}  // namespace
}  // namespace tessera::cpu::dense
