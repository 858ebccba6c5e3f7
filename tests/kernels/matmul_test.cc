// Every matmul kernel this machine can run, against a triple loop in fp64 written here.
//
// The bound of each element follows from its own products: rounding of a sum of k terms grows at
// most with k, and the result is rounded once. Shapes are odd on purpose: every tail of rows,
// columns and k, empty dims, k = 0, sums long enough to be cut into blocks.
#include <string>

#include "tests/kernels/dense_harness.h"

namespace tessera::cpu::testing {
namespace {

struct Case {
  int64_t batch, m, n, k;
  bool transpose_lhs, transpose_rhs;
  DType in, out;
  bool shared_rhs;  // rank 2 right side, leading dims of the left are rows
};

std::string Describe(const Case& c, const tsr_kernel_def& def) {
  return std::string(def.name) + " batch " + std::to_string(c.batch) + " m " +
         std::to_string(c.m) + " n " + std::to_string(c.n) + " k " + std::to_string(c.k) +
         (c.transpose_lhs ? " lhs^T" : "") + (c.transpose_rhs ? " rhs^T" : "") + " " +
         std::string(Name(c.in)) + " -> " + std::string(Name(c.out));
}

void Build(const Case& c, DenseCall* call) {
  std::vector<int64_t> lhs = {c.transpose_lhs ? c.k : c.m, c.transpose_lhs ? c.m : c.k};
  std::vector<int64_t> rhs = {c.transpose_rhs ? c.n : c.k, c.transpose_rhs ? c.k : c.n};
  std::vector<int64_t> out = {c.m, c.n};
  if (c.batch != 1 || c.shared_rhs) {
    lhs.insert(lhs.begin(), c.batch);
    out.insert(out.begin(), c.batch);
    if (!c.shared_rhs) rhs.insert(rhs.begin(), c.batch);
  }
  call->Input(c.in, lhs, Normal(CountOf(lhs), 1));
  call->Input(c.in, rhs, Normal(CountOf(rhs), 2));
  call->Output(c.out, out);
  call->Bool("transpose_lhs", c.transpose_lhs);
  call->Bool("transpose_rhs", c.transpose_rhs);
}

// Every element of C, and the sum of the sizes of its products.
struct Wanted {
  std::vector<double> sums, sizes;
};

Wanted TripleLoop(const Case& c, const DenseCall& call) {
  const std::vector<double> lhs = call.Stored(0);
  const std::vector<double> rhs = call.Stored(1);
  Wanted wanted;
  wanted.sums.resize(c.batch * c.m * c.n);
  wanted.sizes.resize(c.batch * c.m * c.n);
  for (int64_t row = 0; row < c.batch * c.m; ++row) {
    const int64_t b = row / c.m, i = row % c.m;
    const double* left = lhs.data() + b * c.m * c.k;
    const double* right = rhs.data() + (c.shared_rhs ? 0 : b * c.k * c.n);
    double* sums = wanted.sums.data() + row * c.n;
    double* sizes = wanted.sizes.data() + row * c.n;
    for (int64_t k = 0; k < c.k; ++k) {
      const double a = left[c.transpose_lhs ? k * c.m + i : i * c.k + k];
      for (int64_t j = 0; j < c.n; ++j) {
        const double product = a * right[c.transpose_rhs ? j * c.k + k : k * c.n + j];
        sums[j] += product;
        sizes[j] += std::abs(product);
      }
    }
  }
  return wanted;
}

// Checks every element of a finished call; reports the first that is off.
void Check(const Case& c, const DenseCall& call, const Wanted& wanted, const std::string& what) {
  const std::vector<double> out = call.Result(0);
  const double u = c.in == DType::kF64 ? 0x1p-53 : 0x1p-24;
  for (int64_t at = 0; at < c.batch * c.m * c.n; ++at) {
    // Errors of a sum behave like a random walk; 8 standard deviations, never below 4 steps.
    const double steps = 4 + 8 * std::sqrt(static_cast<double>(c.k)) / 4;
    const double bound = u * wanted.sizes[at] * steps +
                         UnitRoundoff(c.out) * std::abs(wanted.sums[at]) * 1.01;
    ASSERT_LE(std::abs(out[at] - wanted.sums[at]), bound)
        << what << " at " << at / c.n << "," << at % c.n << ": got " << out[at] << ", want "
        << wanted.sums[at];
  }
}

// Runs all kernels; returns how many took the call.
int RunAll(const Case& c) {
  int taken = 0;
  Wanted wanted;
  for (const tsr_kernel_def& def : RunnableKernels(RegisterMatmulKernels)) {
    DenseCall call;
    Build(c, &call);
    if (!call.Run(def, 7)) continue;
    // The operands are the same for every kernel.
    if (taken++ == 0) wanted = TripleLoop(c, call);
    Check(c, call, wanted, Describe(c, def));
    if (::testing::Test::HasFatalFailure()) return taken;
  }
  return taken;
}

constexpr std::pair<DType, DType> kTypes[] = {{DType::kF64, DType::kF64},
                                              {DType::kF32, DType::kF32},
                                              {DType::kF32, DType::kBF16},
                                              {DType::kBF16, DType::kF32},
                                              {DType::kBF16, DType::kBF16}};

TEST(MatmulTest, EveryTransposeAndTailMatchesATripleLoop) {
  const int64_t sizes[][3] = {{1, 1, 1},   {1, 130, 37}, {2, 17, 64},   {3, 300, 5},
                              {5, 31, 33}, {7, 16, 100}, {8, 32, 32},   {13, 48, 31},
                              {14, 33, 2}, {15, 1, 65},  {29, 65, 129}, {47, 129, 18},
                              {6, 15, 1},  {121, 7, 40}, {64, 64, 64}};
  for (const auto& size : sizes) {
    for (const auto& [in, out] : kTypes) {
      for (int transposes = 0; transposes < 4; ++transposes) {
        const Case c = {1,   size[0], size[1], size[2], (transposes & 1) != 0,
                        (transposes & 2) != 0, in, out, false};
        EXPECT_GE(RunAll(c), 1);
        if (HasFatalFailure()) return;
      }
    }
  }
}

TEST(MatmulTest, BatchesAndLeadingDimsMatchATripleLoop) {
  for (const auto& [in, out] : kTypes) {
    for (int transposes = 0; transposes < 4; ++transposes) {
      const bool lhs = (transposes & 1) != 0;
      const bool rhs = (transposes & 2) != 0;
      for (const int64_t m : {3, 19}) {
        EXPECT_GE(RunAll({5, m, 23, 37, lhs, rhs, in, out, false}), 1);
        if (HasFatalFailure()) return;
        if (!lhs) {
          EXPECT_GE(RunAll({3, m, 35, 20, false, rhs, in, out, true}), 1);
        }
        if (HasFatalFailure()) return;
      }
    }
  }
}

TEST(MatmulTest, LongSumsAreCutIntoBlocks) {
  for (const auto& [in, out] : kTypes) {
    for (int transposes = 0; transposes < 4; ++transposes) {
      // Blocks that end in one element, in one less than a whole one, and many.
      for (const int64_t k : {257, 511, 513, 1025}) {
        const bool lhs = (transposes & 1) != 0, rhs = (transposes & 2) != 0;
        EXPECT_GE(RunAll({1, 17, 35, k, lhs, rhs, in, out, false}), 1);
        if (HasFatalFailure()) return;
      }
    }
    EXPECT_GE(RunAll({1, 16, 34, 9001, true, false, in, out, false}), 1);
  }
}

// More rows and columns than one task takes, so that sums of several tasks and blocks meet.
TEST(MatmulTest, ManyTasksAndBlocksMatchATripleLoop) {
  for (const auto& [in, out] : kTypes) {
    if (in == DType::kF64) continue;
    for (int transposes = 0; transposes < 4; ++transposes) {
      const bool lhs = (transposes & 1) != 0, rhs = (transposes & 2) != 0;
      EXPECT_GE(RunAll({1, 130, 530, 260, lhs, rhs, in, out, false}), 1);
      if (HasFatalFailure()) return;
    }
  }
}

TEST(MatmulTest, EmptyDimsGiveZerosOrNothing) {
  const int64_t sizes[][4] = {{1, 5, 7, 0}, {1, 40, 40, 0}, {1, 0, 7, 3},
                              {1, 5, 0, 3}, {0, 5, 7, 3},   {0, 40, 40, 40}};
  for (const auto& size : sizes) {
    for (const auto& [in, out] : kTypes) {
      EXPECT_GE(RunAll({size[0], size[1], size[2], size[3], false, false, in, out, false}), 1);
      if (HasFatalFailure()) return;
    }
  }
}

TEST(MatmulTest, EveryDTypePairHasAReference) {
  const std::vector<tsr_kernel_def> defs = RunnableKernels(RegisterMatmulKernels);
  ASSERT_STREQ(defs.back().name, "matmul.reference");
  for (const auto& [in, out] :
       {std::pair{DType::kF16, DType::kF32}, std::pair{DType::kF16, DType::kF16}}) {
    const Case c = {1, 4, 5, 6, false, false, in, out, false};
    DenseCall call;
    Build(c, &call);
    ASSERT_TRUE(call.Run(defs.back()));
    Check(c, call, TripleLoop(c, call), Describe(c, defs.back()));
  }
}

TEST(MatmulTest, TaskOrderAndThreadsChangeNoBit) {
  for (const auto& [in, out] : kTypes) {
    for (const int64_t m : {5, 150}) {
      const Case c = {2, m, 200, 300, false, true, in, out, false};
      for (const tsr_kernel_def& def : RunnableKernels(RegisterMatmulKernels)) {
        DenseCall call;
        Build(c, &call);
        if (!call.Run(def, 1, 1)) continue;
        const auto first = call.ResultBytes();
        for (const uint32_t seed : {2u, 3u}) {
          ASSERT_TRUE(call.Run(def, seed, 4));
          EXPECT_TRUE(first == call.ResultBytes()) << Describe(c, def);
        }
      }
    }
  }
}

// An element depends on its own row and column only, wherever blocks happen to lie.
TEST(MatmulTest, RowsAreBitEqualInProductsOfMoreRows) {
  for (const tsr_kernel_def& def : RunnableKernels(RegisterMatmulKernels)) {
    for (const auto& [in, out] : kTypes) {
      const Case small = {1, 16, 40, 70, false, false, in, out, false};
      const Case large = {1, 61, 40, 70, false, false, in, out, false};
      DenseCall a;
      DenseCall b;
      Build(small, &a);
      Build(large, &b);
      if (!a.Run(def) || !b.Run(def)) continue;
      const std::vector<double> few = a.Result(0);
      const std::vector<double> many = b.Result(0);
      for (size_t i = 0; i < few.size(); ++i) ASSERT_EQ(few[i], many[i]) << Describe(large, def);
    }
  }
}

TEST(MatmulTest, NaNAndInfinityStayInTheirRow) {
  for (const tsr_kernel_def& def : RunnableKernels(RegisterMatmulKernels)) {
    for (const DType dtype : {DType::kF32, DType::kBF16}) {
      std::vector<double> lhs = Normal(9 * 21, 4);
      lhs[3 * 21 + 20] = std::numeric_limits<double>::quiet_NaN();
      lhs[5 * 21] = std::numeric_limits<double>::infinity();
      DenseCall call;
      call.Input(dtype, {9, 21}, lhs);
      call.Input(dtype, {21, 18}, std::vector<double>(21 * 18, 0.5));
      call.Output(dtype, {9, 18});
      if (!call.Run(def)) continue;
      const std::vector<double> out = call.Result(0);
      for (int64_t i = 0; i < 9 * 18; ++i) {
        EXPECT_EQ(std::isnan(out[i]), i / 18 == 3) << def.name;
        EXPECT_EQ(std::isinf(out[i]), i / 18 == 5) << def.name;
      }
    }
  }
}

// How a kernel rounds its sums must not depend on which of its ways of storing them is taken.
TEST(MatmulTest, ABf16ResultIsTheF32ResultRounded) {
  constexpr int64_t kRows = 17, kTerms = 6, kColumns = 83;
  std::vector<double> lhs = Normal(kRows * kTerms, 11), rhs = Normal(kTerms * kColumns, 12);
  for (int64_t k = 0; k < kTerms; ++k) {
    lhs[1 * kTerms + k] *= 0x1p-66;   // sums about the smallest normal number
    lhs[2 * kTerms + k] *= 0x1p-70;   // denormal ones
    lhs[3 * kTerms + k] *= 0x1p120;   // some overflow
    lhs[6 * kTerms + k] = k == 0 ? 1 + 0x1p-7 : k == 1 ? 0x1p-8 : 0;   // ties of ones
  }
  for (double& value : rhs) value *= 0x1p-62;
  for (int64_t j = 0; j < kColumns; ++j) {
    for (int64_t k = 0; k < kTerms; ++k) rhs[k * kColumns + j] *= j % 3 == 0 ? 0x1p62 : 1;
    if (j % 3 == 0) rhs[j] = rhs[kColumns + j] = j % 2 == 0 ? 1 : -1;
  }
  lhs[4 * kTerms] = std::numeric_limits<double>::quiet_NaN();
  lhs[5 * kTerms] = -std::numeric_limits<double>::infinity();
  for (const tsr_kernel_def& def : RunnableKernels(RegisterMatmulKernels)) {
    DenseCall wide, narrow, rounded;
    for (DenseCall* call : {&wide, &narrow}) {
      call->Input(DType::kBF16, {kRows, kTerms}, lhs);
      call->Input(DType::kBF16, {kTerms, kColumns}, rhs);
      call->Output(call == &wide ? DType::kF32 : DType::kBF16, {kRows, kColumns});
    }
    if (!wide.Run(def) || !narrow.Run(def)) continue;
    rounded.Input(DType::kBF16, {kRows, kColumns}, wide.Result(0));
    const std::vector<double> want = rounded.Stored(0), got = narrow.Result(0);
    for (size_t i = 0; i < want.size(); ++i) {
      if (std::isnan(want[i])) {
        ASSERT_TRUE(std::isnan(got[i])) << def.name << " at " << i;
      } else {
        ASSERT_EQ(got[i], want[i]) << def.name << " at " << i;
      }
    }
  }
}

TEST(MatmulTest, RefusesWhatTheOpDoesNotDefine) {
  const tsr_kernel_def def = RunnableKernels(RegisterMatmulKernels).back();
  DenseCall inner;
  inner.Input(DType::kF32, {2, 3}, Normal(6, 1));
  inner.Input(DType::kF32, {4, 5}, Normal(20, 1));
  inner.Output(DType::kF32, {2, 5});
  EXPECT_FALSE(inner.Run(def));
  EXPECT_EQ(inner.reason(), "matmul: inner dims differ");
  DenseCall integers;
  integers.Input(DType::kI32, {1, 1}, {1});
  integers.Input(DType::kI32, {1, 1}, {1});
  integers.Output(DType::kI32, {1, 1});
  EXPECT_FALSE(integers.Run(def));
  EXPECT_EQ(integers.reason(), "matmul: no kernel for these dtypes");
}

}  // namespace
}  // namespace tessera::cpu::testing
