// The AMX product with emulated tiles, on any machine with AVX-512: packing, blocking, tails.
//
// The eight tile registers are arrays here, filled and multiplied as the instructions would; the
// rest is the kernel's own code under the GEMM driver. What the instructions themselves do is
// tested by MatmulTest on machines that have them.
#include "tests/kernels/dense_harness.h"

#if defined(__x86_64__)

#include "kernels/cpu/gemm/driver.h"
#include "kernels/cpu/gemm/kernels.h"
#include "kernels/cpu/internal/intrinsics.h"

#pragma GCC push_options
#pragma GCC target("avx2,fma,avx512f,avx512bw,avx512dq,avx512vl")

#include "kernels/cpu/internal/vec_avx512.h"

#include "kernels/cpu/gemm/avx512_pack.h"

#include "kernels/cpu/gemm/amx_loops.h"

namespace tessera::cpu::dense {
namespace {

thread_local bool tiles_configured = false;
thread_local uint16_t tiles[4][16][32];
thread_local float tile_sums[4][16][16];

struct EmulatedTiles {
  static void Enter() { tiles_configured = true; }
  static void Leave() { tiles_configured = false; }
  static void ClearSums() {
    ASSERT_TRUE(tiles_configured);
    std::memset(tile_sums, 0, sizeof(tile_sums));
  }
  static void Load(int tile, const void* p, int64_t step) {
    for (int64_t r = 0; r < 16; ++r) {
      std::memcpy(tiles[tile][r], static_cast<const char*>(p) + r * step, 64);
    }
  }
  static void Add(int sum, int left, int right) {
    for (int m = 0; m < 16; ++m) {
      for (int k = 0; k < 32; ++k) {
        const float a = FloatFromBF16(tiles[left][m][k]);
        for (int n = 0; n < 16; ++n) {
          tile_sums[sum][m][n] += a * FloatFromBF16(tiles[right][k / 2][2 * n + k % 2]);
        }
      }
    }
  }
  static void LoadLeft0(const void* p, int64_t step) { Load(0, p, step); }
  static void LoadLeft1(const void* p, int64_t step) { Load(1, p, step); }
  static void LoadRight0(const void* p, int64_t step) { Load(2, p, step); }
  static void LoadRight1(const void* p, int64_t step) { Load(3, p, step); }
  static void Add00() { Add(0, 0, 2); }
  static void Add01() { Add(1, 0, 3); }
  static void Add10() { Add(2, 1, 2); }
  static void Add11() { Add(3, 1, 3); }
  static void StoreSums(float* out, int64_t step) {
    for (int sum = 0; sum < 4; ++sum) {
      for (int r = 0; r < 16; ++r) {
        std::memcpy(out + (sum / 2 * 16 + r) * (step / 4) + sum % 2 * 16, tile_sums[sum][r], 64);
      }
    }
  }
};

const GemmKernel kEmulated = AmxKernel<EmulatedTiles>();

}  // namespace
}  // namespace tessera::cpu::dense

#pragma GCC pop_options

namespace tessera::cpu::testing {
namespace {

int32_t PrepareEmulated(const tsr_kernel_call* call, tsr_kernel_plan* plan, char* reason) {
  dense::MatmulShape shape;
  if (ReadMatmulShape(call, &shape, reason) != 0) return 1;
  return PlanGemm(shape, dense::kEmulated, call->knobs, plan, reason);
}

struct Size {
  int64_t batch, m, n, k;
};

void Check(const Size& s, bool transpose_lhs, bool transpose_rhs, DType out) {
  DenseCall call;
  const std::vector<int64_t> lhs = {s.batch, transpose_lhs ? s.k : s.m, transpose_lhs ? s.m : s.k};
  const std::vector<int64_t> rhs = {s.batch, transpose_rhs ? s.n : s.k, transpose_rhs ? s.k : s.n};
  call.Input(DType::kBF16, lhs, Normal(CountOf(lhs), 1));
  call.Input(DType::kBF16, rhs, Normal(CountOf(rhs), 2));
  call.Output(out, {s.batch, s.m, s.n});
  call.Bool("transpose_lhs", transpose_lhs);
  call.Bool("transpose_rhs", transpose_rhs);
  const tsr_kernel_def def = {sizeof(def),     TSR_ISA_AVX512, "matmul", "matmul.emulated_amx",
                              PrepareEmulated, 1,              0};
  ASSERT_TRUE(call.Run(def, 5, 2));
  const std::vector<double> a = call.Stored(0), b = call.Stored(1), c = call.Result(0);
  for (int64_t at = 0; at < s.batch * s.m * s.n; ++at) {
    const int64_t batch = at / s.n / s.m, i = at / s.n % s.m, j = at % s.n;
    const double* left = a.data() + batch * s.m * s.k;
    const double* right = b.data() + batch * s.k * s.n;
    double sum = 0, size = 0;
    for (int64_t k = 0; k < s.k; ++k) {
      const double product = left[transpose_lhs ? k * s.m + i : i * s.k + k] *
                             right[transpose_rhs ? j * s.k + k : k * s.n + j];
      sum += product;
      size += std::abs(product);
    }
    ASSERT_LE(std::abs(c[at] - sum), 1e-6 * size + UnitRoundoff(out) * std::abs(sum) * 1.01)
        << s.m << " x " << s.n << " x " << s.k << " at " << i << ", " << j;
  }
}

TEST(AmxTest, EveryTransposeAndTailMatchesATripleLoopWithEmulatedTiles) {
  if (DetectIsa() < TSR_ISA_AVX512) GTEST_SKIP() << "packing for AMX needs AVX-512";
  const Size sizes[] = {{1, 1, 1, 1},     {1, 31, 33, 31},   {2, 32, 32, 32}, {1, 33, 65, 63},
                        {1, 100, 40, 7},  {1, 17, 16, 130},  {1, 5, 9, 515},  {2, 70, 34, 1025},
                        {1, 130, 600, 64}, {1, 3, 4, 0}};
  for (const Size& size : sizes) {
    for (int transposes = 0; transposes < 4; ++transposes) {
      for (const DType out : {DType::kF32, DType::kBF16}) {
        Check(size, (transposes & 1) != 0, (transposes & 2) != 0, out);
        if (HasFatalFailure()) return;
      }
    }
  }
}

TEST(AmxTest, RunsAmongTheKernelsOfMatmulWhereTheMachineHasTiles) {
  if (DetectIsa() < TSR_ISA_AMX) GTEST_SKIP() << "this machine grants no AMX tiles";
  const std::vector<tsr_kernel_def> kernels = RunnableKernels(RegisterMatmulKernels);
  const auto is_amx = [](const tsr_kernel_def& def) {
    return std::string(def.name) == "matmul.bf16.amx";
  };
  EXPECT_TRUE(std::any_of(kernels.begin(), kernels.end(), is_amx));
}

}  // namespace
}  // namespace tessera::cpu::testing

#endif  // defined(__x86_64__)
