// Exponentials of every instruction set: how far they are from fp64 over all arguments, and rows of
// logits whose exponentials overflow, vanish or are no numbers.
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "tests/kernels/dense_harness.h"

namespace tessera::cpu {

void RegisterElementwiseUnaryKernels(KernelSink& sink);
void RegisterCrossEntropyKernels(KernelSink& sink);
void RegisterSoftmaxKernels(KernelSink& sink);

namespace testing {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

// Units in the last place of fp32 at `value`.
double UnitAt(double value) {
  const float x = std::fabs(static_cast<float>(value));
  return static_cast<double>(std::nextafter(x, std::numeric_limits<float>::infinity())) -
         static_cast<double>(x);
}

// Every vector set; the reference calls the C library.
std::vector<tsr_kernel_def> VectorKernels(void (*register_all)(KernelSink&), const char* op) {
  std::vector<tsr_kernel_def> found;
  for (const tsr_kernel_def& def : RunnableKernels(register_all)) {
    if (std::string(def.op) == op && def.isa != TSR_ISA_REFERENCE) found.push_back(def);
  }
  EXPECT_FALSE(found.empty()) << op;
  return found;
}

// softmax of [x, 0] is e^x / (e^x + 1): of x far below 0 it is e^x.
TEST(ExponentialTest, SoftmaxOfPairsIsWithinFourUnits) {
  constexpr int64_t kPairs = 200001;
  std::vector<double> rows;
  for (int64_t i = 0; i < kPairs; ++i) {
    const double x = -104.0 + 104.0 * static_cast<double>(i) / (kPairs - 1);
    rows.push_back(static_cast<double>(static_cast<float>(x)));
    rows.push_back(0.0);
  }
  for (const tsr_kernel_def& def : VectorKernels(RegisterSoftmaxKernels, "softmax")) {
    DenseCall call;
    call.Input(DType::kF32, {kPairs, 2}, rows);
    call.Output(DType::kF32, {kPairs, 2});
    ASSERT_TRUE(call.Run(def)) << def.name << ": " << call.reason();
    const std::vector<double> got = call.Result(0);
    double worst = 0;
    for (size_t i = 0; i < rows.size(); i += 2) {
      const double want = std::exp(rows[i]) / (std::exp(rows[i]) + 1);
      worst = std::max(worst, std::fabs(got[i] - want) / UnitAt(want));
    }
    EXPECT_LE(worst, 4.0) << def.name;
  }
}

TEST(ExponentialTest, SiluIsWithinFourUnitsFromTheLeastToTheGreatestNumber) {
  std::vector<double> x;
  for (int i = -20000; i <= 20000; ++i) {
    x.push_back(static_cast<double>(static_cast<float>(i * 0.0043)));
  }
  for (int exponent = -149; exponent < 128; ++exponent) {
    for (const double sign : {1.0, -1.0}) x.push_back(std::ldexp(sign, exponent));
  }
  const auto size = static_cast<int64_t>(x.size());
  for (const tsr_kernel_def& def : VectorKernels(RegisterElementwiseUnaryKernels, "silu")) {
    DenseCall call;
    call.Input(DType::kF32, {size}, x);
    call.Output(DType::kF32, {size});
    ASSERT_TRUE(call.Run(def)) << def.name << ": " << call.reason();
    const std::vector<double> got = call.Result(0);
    for (size_t i = 0; i < x.size(); ++i) {
      const double want = x[i] / (1 + std::exp(-x[i]));
      // The reciprocal of what overflows is 0: x e^x of x below -88.7.
      const double lost = x[i] < -88.7 ? 1e-36 : 0;
      ASSERT_LE(std::fabs(got[i] - want), 4 * UnitAt(want) + lost) << def.name << " of " << x[i];
    }
  }
}

struct LogitRow {
  const char* about;
  std::vector<double> values;
};

std::vector<LogitRow> HardRows(int64_t classes) {
  const auto n = static_cast<size_t>(classes);
  std::vector<LogitRow> rows;
  const auto add = [&](const char* about, double value) -> std::vector<double>& {
    rows.push_back({about, std::vector<double>(n, value)});
    return rows.back().values;
  };
  add("all equal", 3.0);
  std::vector<double>& rising = add("maxima rise from block to block", 0);
  for (size_t i = 0; i < n; ++i) rising[i] = 0.0625 * static_cast<double>(i);
  std::vector<double>& falling = add("maxima fall from block to block", 0);
  for (size_t i = 0; i < n; ++i) falling[i] = -0.0625 * static_cast<double>(i);
  std::vector<double>& masked = add("all but one masked", -kInfinity);
  masked[n - 1] = -20.0;
  add("huge", 1e30)[n / 2] = 1.5e30;
  add("huge and negative", -1e30);
  add("far apart", -1e30)[0] = 1e30;
  add("all masked", -kInfinity);
  add("infinite", 1.0)[n / 3] = kInfinity;
  add("not a number", 1.0)[n - 1] = kNaN;
  add("not a number, negative", 1.0)[0] = -kNaN;
  return rows;
}

double LogSumExp(const std::vector<double>& x) {
  double max = -kInfinity;
  for (const double v : x) max = std::max(max, v);
  if (std::isinf(max)) return max;
  double sum = 0;
  for (const double v : x) sum += std::exp(v - max);
  return max + std::log(sum);
}

TEST(ExponentialTest, LossesOfHardRowsAreThoseOfFp64) {
  for (const int64_t classes : {1, 2, 31, 63, 2048, 2049, 5000}) {
    for (const DType dtype : {DType::kF32, DType::kBF16}) {
      const std::vector<LogitRow> rows = HardRows(classes);
      std::vector<double> logits, targets;
      for (const LogitRow& row : rows) {
        for (const double value : row.values) {
          const float x = static_cast<float>(value);
          const bool is_half = dtype == DType::kBF16;
          logits.push_back(is_half ? FloatFromBF16(BF16FromFloat(x)) : x);
        }
        targets.push_back(0);
      }
      const auto count = static_cast<int64_t>(rows.size());
      for (const tsr_kernel_def& def :
           VectorKernels(RegisterCrossEntropyKernels, "cross_entropy")) {
        DenseCall call;
        call.Input(dtype, {count, classes}, logits);
        call.Input(DType::kI32, {count}, targets);
        call.Output(DType::kF32, {count});
        call.Output(DType::kF32, {count});
        ASSERT_TRUE(call.Run(def)) << def.name << ": " << call.reason();
        const std::vector<double> got = call.Result(1);
        for (size_t r = 0; r < rows.size(); ++r) {
          const auto begin = logits.begin() + static_cast<std::ptrdiff_t>(r) * classes;
          const std::vector<double> row(begin, begin + classes);
          bool is_number = true;
          for (const double v : row) is_number = is_number && !std::isnan(v);
          const double want = is_number ? LogSumExp(row) : kNaN;
          if (std::isnan(want)) {
            EXPECT_TRUE(std::isnan(got[r])) << def.name << ": " << rows[r].about << got[r];
          } else if (std::isinf(want)) {
            EXPECT_EQ(got[r], want) << def.name << ": " << rows[r].about << ", " << classes;
          } else {
            EXPECT_NEAR(got[r], want, 1e-6 + 1e-7 * std::fabs(want))
                << def.name << ": " << rows[r].about << ", " << classes << " classes";
          }
        }
      }
    }
  }
}

}  // namespace
}  // namespace testing
}  // namespace tessera::cpu
