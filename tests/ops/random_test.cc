// Method: the random ops against a formula written here from base/philox.h, which has tests against
// published vectors. What matters is that a number belongs to its global position: split runs must
// join to the whole.
#include <cmath>

#include "cpp/base/philox.h"
#include "gtest/gtest.h"
#include "tests/ops/op_use.h"

namespace tessera {
namespace {

constexpr philox::Words4 kKey = {1, 2, 3, 4};

absl::StatusOr<Tensor> RunLine(const std::string& line, int isa) {
  ASSIGN_OR_RETURN(const std::vector<OpCase> cases, ParseCases(line, "test"));
  ASSIGN_OR_RETURN(const PreparedCase prepared, PrepareCase(cases[0], DType::kF32));
  ASSIGN_OR_RETURN(const std::vector<Tensor> results,
                   Interpret(*prepared.function, prepared.inputs, {.isa = isa}));
  return results[0];
}

// Dropout of ones at rate 0.25, rows of 5, from row `offset`.
std::string DropoutLine(int rows, int offset) {
  return absl::StrCat("op dropout\ncase c x=ones(", rows, ",5) key=[1,2,3,4]:u32 offset=", offset,
                      ":i64 rate=0.25\n");
}

TEST(RandomOpsTest, DropoutKeepsByThePhiloxWordOfTheGlobalIndex) {
  for (int isa = TSR_ISA_REFERENCE; isa <= cpu::DetectIsa(); ++isa) {
    const auto y = RunLine(DropoutLine(6, 3), isa);
    ASSERT_TRUE(y.ok()) << y.status();
    for (int64_t i = 0; i < 30; ++i) {
      const uint32_t word = philox::ElementWord(kKey, static_cast<uint64_t>(3 * 5 + i));
      const bool kept = word >= static_cast<uint32_t>(0.25 * 4294967296.0);
      EXPECT_FLOAT_EQ(static_cast<float>(y->At(i)), kept ? 1 / 0.75f : 0.0f) << i;
    }
  }
}

TEST(RandomOpsTest, SplitDropoutJoinsToTheWhole) {
  const auto whole = RunLine(DropoutLine(7, 10), TSR_ISA_AMX);
  ASSERT_TRUE(whole.ok()) << whole.status();
  for (int first = 0; first < 7; ++first) {
    const auto row = RunLine(DropoutLine(1, 10 + first), TSR_ISA_AMX);
    ASSERT_TRUE(row.ok()) << row.status();
    for (int64_t i = 0; i < 5; ++i) EXPECT_EQ(row->At(i), whole->At(first * 5 + i));
  }
}

TEST(RandomOpsTest, DropoutRateIsMet) {
  const auto y = RunLine(
      "op dropout\ncase c x=ones(40000) key=[5,6,7,8]:u32 offset=0:i64 rate=0.3\n", TSR_ISA_AMX);
  ASSERT_TRUE(y.ok()) << y.status();
  double kept = 0;
  for (int64_t i = 0; i < y->count(); ++i) kept += y->At(i) != 0;
  // Five standard deviations of a binomial count.
  EXPECT_NEAR(kept / 40000, 0.7, 5 * std::sqrt(0.3 * 0.7 / 40000));
}

struct Moments {
  double mean = 0, variance = 0, low = 0, high = 0;
};

Moments MomentsOf(const Tensor& y) {
  Moments moments;
  moments.low = moments.high = y.At(0);
  for (int64_t i = 0; i < y.count(); ++i) {
    moments.mean += y.At(i) / static_cast<double>(y.count());
    moments.low = std::min(moments.low, y.At(i));
    moments.high = std::max(moments.high, y.At(i));
  }
  for (int64_t i = 0; i < y.count(); ++i) {
    const double d = y.At(i) - moments.mean;
    moments.variance += d * d / static_cast<double>(y.count());
  }
  return moments;
}

TEST(RandomOpsTest, UniformHasItsMoments) {
  const auto y = RunLine(
      "op random_uniform\ncase c key=[1,2,3,4]:u32 offset=0:i64 shape=50000 low=-1 high=3\n",
      TSR_ISA_AMX);
  ASSERT_TRUE(y.ok()) << y.status();
  const Moments moments = MomentsOf(*y);
  EXPECT_NEAR(moments.mean, 1, 0.03);
  EXPECT_NEAR(moments.variance, 16.0 / 12, 0.03);
  EXPECT_GE(moments.low, -1);
  EXPECT_LT(moments.high, 3);
}

TEST(RandomOpsTest, NormalHasItsMoments) {
  const auto y = RunLine(
      "op random_normal\ncase c key=[1,2,3,4]:u32 offset=0:i64 shape=50000 mean=2 stddev=0.5\n",
      TSR_ISA_AMX);
  ASSERT_TRUE(y.ok()) << y.status();
  const Moments moments = MomentsOf(*y);
  EXPECT_NEAR(moments.mean, 2, 0.015);
  EXPECT_NEAR(moments.variance, 0.25, 0.01);
}

TEST(RandomOpsTest, OffsetCountsSlicesOfTheLeadingDim) {
  for (const char* op : {"random_uniform", "random_normal"}) {
    const auto line = [op](int rows, int offset) {
      return absl::StrCat("op ", op, "\ncase c key=[1,2,3,4]:u32 offset=", offset,
                          ":i64 shape=", rows, ",3\n");
    };
    const auto whole = RunLine(line(6, 0), TSR_ISA_AMX);
    const auto late = RunLine(line(2, 4), TSR_ISA_AMX);
    ASSERT_TRUE(whole.ok()) << whole.status();
    ASSERT_TRUE(late.ok()) << late.status();
    for (int64_t i = 0; i < 6; ++i) EXPECT_EQ(late->At(i), whole->At(12 + i)) << op << " " << i;
  }
}

TEST(RandomOpsTest, OtherKeysGiveOtherNumbers) {
  const char* line = "op random_uniform\ncase c key=[1,2,3,KEY]:u32 offset=0:i64 shape=4\n";
  std::string one = line, two = line;
  one.replace(one.find("KEY"), 3, "4");
  two.replace(two.find("KEY"), 3, "5");
  const auto a = RunLine(one, TSR_ISA_AMX), b = RunLine(two, TSR_ISA_AMX);
  ASSERT_TRUE(a.ok() && b.ok());
  for (int64_t i = 0; i < 4; ++i) EXPECT_NE(a->At(i), b->At(i));
}

}  // namespace
}  // namespace tessera
