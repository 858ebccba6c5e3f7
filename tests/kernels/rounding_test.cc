// How vector kernels round to bf16: every instruction set gives the bits of the reference.
//
// `cast` of numbers of every exponent, denormal ones among them, infinities, NaN and ties, in
// vectors that have one kind of number and in vectors that have all, at lengths with every tail;
// `mul` of bf16 likewise, whose results are rounded two vectors at a time.
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "tests/kernels/dense_harness.h"

namespace tessera::cpu {

void RegisterCastKernels(KernelSink& sink);
void RegisterElementwiseBinaryKernels(KernelSink& sink);

namespace testing {
namespace {

// Numbers about 2^exponent, both signs, whose lower bits are around the middle of two bf16.
std::vector<double> NumbersAbout(int exponent) {
  std::vector<double> numbers;
  for (const double part : {1.0, 1 + 0x1p-8, 1 + 0x1p-8 + 0x1p-20, 1 + 0x1p-8 - 0x1p-20,
                            1 + 3 * 0x1p-8, 2 - 0x1p-9, 2 - 0x1p-23, 1.3}) {
    for (const double sign : {1.0, -1.0}) {
      numbers.push_back(static_cast<float>(std::ldexp(sign * part, exponent)));
    }
  }
  return numbers;
}

std::vector<double> EveryNumber() {
  std::vector<double> numbers;
  for (int exponent = -149; exponent < 128; ++exponent) {
    for (const double number : NumbersAbout(exponent)) numbers.push_back(number);
  }
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  for (const double special : {0.0, -0.0, kInfinity, -kInfinity}) numbers.push_back(special);
  // Each kind beside each other one.
  const size_t count = numbers.size();
  for (size_t i = 0; i < count; ++i) numbers.push_back(numbers[i * 389 % count]);
  for (size_t i = 0; i < 70; ++i) {
    numbers.push_back(i % 9 == 4 ? std::numeric_limits<double>::quiet_NaN() : numbers[i]);
  }
  return numbers;
}

void ExpectSame(double got, float want, const char* kernel, size_t at) {
  if (std::isnan(want)) {
    ASSERT_TRUE(std::isnan(got)) << kernel << " at " << at;
  } else {
    ASSERT_EQ(got, want) << kernel << " at " << at;
    ASSERT_EQ(std::signbit(got), std::signbit(want)) << kernel << " at " << at;
  }
}

TEST(RoundingTest, EverySetRoundsToBf16AsTheReferenceDoes) {
  const std::vector<double> all = EveryNumber();
  int kernels = 0;
  for (const tsr_kernel_def& def : RunnableKernels(RegisterCastKernels)) {
    ++kernels;
    for (size_t cut = 0; cut < 17; ++cut) {
      const std::vector<double> numbers(all.begin() + static_cast<std::ptrdiff_t>(cut), all.end());
      const auto size = static_cast<int64_t>(numbers.size());
      DenseCall call;
      call.Input(DType::kF32, {size}, numbers);
      call.Output(DType::kBF16, {size});
      ASSERT_TRUE(call.Run(def)) << def.name << ": " << call.reason();
      const std::vector<double> got = call.Result(0);
      for (size_t i = 0; i < numbers.size(); ++i) {
        const float want = FloatFromBF16(BF16FromFloat(static_cast<float>(numbers[i])));
        ASSERT_NO_FATAL_FAILURE(ExpectSame(got[i], want, def.name, i));
      }
    }
  }
  EXPECT_GE(kernels, 2);
}

TEST(RoundingTest, EverySetRoundsProductsOfBf16AsTheReferenceDoes) {
  std::vector<double> all = EveryNumber();
  for (double& x : all) x = FloatFromBF16(BF16FromFloat(static_cast<float>(x)));
  int kernels = 0;
  for (const tsr_kernel_def& def : RunnableKernels(RegisterElementwiseBinaryKernels)) {
    if (std::string(def.op) != "mul") continue;
    ++kernels;
    for (size_t cut = 0; cut < 70; cut += 3) {
      const std::vector<double> x(all.begin() + static_cast<std::ptrdiff_t>(cut), all.end());
      std::vector<double> y(x.size());
      for (size_t i = 0; i < y.size(); ++i) y[i] = all[i * 31 % all.size()];
      const auto size = static_cast<int64_t>(x.size());
      DenseCall call;
      call.Input(DType::kBF16, {size}, x);
      call.Input(DType::kBF16, {size}, y);
      call.Output(DType::kBF16, {size});
      ASSERT_TRUE(call.Run(def)) << def.name << ": " << call.reason();
      const std::vector<double> got = call.Result(0);
      for (size_t i = 0; i < x.size(); ++i) {
        const float product = static_cast<float>(x[i]) * static_cast<float>(y[i]);
        const float want = FloatFromBF16(BF16FromFloat(product));
        ASSERT_NO_FATAL_FAILURE(ExpectSame(got[i], want, def.name, i));
      }
    }
  }
  EXPECT_GE(kernels, 2);
}

}  // namespace
}  // namespace testing
}  // namespace tessera::cpu
