// Method: the same values with and without threads, for sizes around those of pairs and tasks;
// their mean, spread and bounds; what is refused.
#include "cpp/generate/initial_values.h"

#include <cmath>
#include <cstring>

#include "absl/status/status.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace tessera {
namespace {

Initializer Of(const std::string& kind, double mean, double stddev) {
  Initializer init;
  init.kind = kind;
  init.mean = mean;
  init.stddev = stddev;
  return init;
}

Tensor Filled(const Initializer& init, int64_t count, ThreadPool* pool, DType dtype = DType::kF32,
              uint64_t seed = 3) {
  absl::StatusOr<Tensor> tensor = Tensor::Zeros(dtype, {count});
  EXPECT_TRUE(tensor.ok()) << tensor.status();
  const absl::Status status = FillInitialValues(init, seed, "layer/weight", pool, *tensor);
  EXPECT_TRUE(status.ok()) << status;
  return *std::move(tensor);
}

TEST(InitialValuesTest, AreTheSameForAnyNumberOfThreads) {
  ThreadPool pool({.threads = 3});
  for (const Initializer& init :
       {Of("normal", 0.5, 2), Of("uniform", -1, 3), Of("constant", 4, 0)}) {
    for (const DType dtype : {DType::kF64, DType::kF32, DType::kBF16}) {
      for (const int64_t count : {0, 1, 2, 5, 16383, 16384, 16385, 50001}) {
        const Tensor alone = Filled(init, count, nullptr, dtype);
        const Tensor shared = Filled(init, count, &pool, dtype);
        if (count == 0) continue;
        EXPECT_EQ(std::memcmp(alone.data(), shared.data(), alone.bytes()), 0)
            << init.kind << " " << count;
      }
    }
  }
}

// A value depends on its index, not on how many there are; and on seed and path.
TEST(InitialValuesTest, DependOnSeedPathAndIndex) {
  const Initializer init = Of("normal", 0, 1);
  const Tensor few = Filled(init, 7, nullptr), many = Filled(init, 4000, nullptr);
  for (int64_t i = 0; i < 7; ++i) EXPECT_EQ(few.At(i), many.At(i));
  const Tensor other = Filled(init, 7, nullptr, DType::kF32, 4);
  EXPECT_NE(few.At(0), other.At(0));
}

TEST(InitialValuesTest, HaveTheSpreadThatIsAskedFor) {
  constexpr int64_t kCount = 200000;
  for (const char* kind : {"normal", "uniform"}) {
    const Tensor tensor = Filled(Of(kind, 1, 2), kCount, nullptr);
    double sum = 0, squares = 0;
    for (int64_t i = 0; i < kCount; ++i) {
      const double x = tensor.At(i) - 1;
      ASSERT_TRUE(std::isfinite(x));
      ASSERT_TRUE(*kind == 'n' || std::fabs(x) <= 2) << x;
      sum += x;
      squares += x * x;
    }
    // Within five standard errors.
    const double variance = *kind == 'n' ? 4 : 4.0 / 3;
    EXPECT_NEAR(sum / kCount, 0, 5 * std::sqrt(variance / kCount));
    EXPECT_NEAR(squares / kCount, variance, 5 * variance * std::sqrt(2.0 / kCount));
  }
}

TEST(InitialValuesTest, RefuseAKindThatThereIsNot) {
  absl::StatusOr<Tensor> tensor = Tensor::Zeros(DType::kF32, {1});
  ASSERT_TRUE(tensor.ok());
  const absl::Status status = FillInitialValues(Of("cauchy", 0, 1), 0, "x", nullptr, *tensor);
  EXPECT_TRUE(absl::IsInvalidArgument(status));
  EXPECT_THAT(status.message(), testing::HasSubstr("normal or uniform, got 'cauchy'"));
}

}  // namespace
}  // namespace tessera
