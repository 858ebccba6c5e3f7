#include "cpp/cli/machine_peak.h"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <memory>
#include <new>
#include <thread>
#include <utility>
#include <vector>

#if defined(__x86_64__)
#include <cpuid.h>
#include <immintrin.h>
#include <sys/syscall.h>
#include <unistd.h>
#endif

namespace tessera::cli {
namespace {

using Clock = std::chrono::steady_clock;

// Does a fixed piece of work and returns its flops. Independent accumulators hide the latency of
// each product; an empty asm keeps them from being folded into one another.
struct Loop {
  const char* instructions;
  double (*run)();
};

constexpr int kRounds = 20000;

double PlainLoop() {
  constexpr int kLanes = 32;
  float sums[kLanes];
  for (int i = 0; i < kLanes; ++i) sums[i] = static_cast<float>(i);
  for (int round = 0; round < kRounds; ++round) {
    for (int i = 0; i < kLanes; ++i) sums[i] = sums[i] * 0.999F + 1.0F;
    __asm__ volatile("" : : "r"(sums) : "memory");
  }
  return 2.0 * kLanes * kRounds;
}

#if defined(__x86_64__)

// Each sum is named by a constant, not by a counter of a loop: else it lives in memory, and the
// peak is a third of what the machine gives.
using TwelveSums = std::make_index_sequence<12>;
using SixteenSums = std::make_index_sequence<16>;

__attribute__((target("avx2,fma"), always_inline)) inline void Avx2Step(
    __m256& sum, __m256 a, __m256 b) {
  sum = _mm256_fmadd_ps(sum, a, b);
  __asm__ volatile("" : "+x"(sum));
}

template <size_t... Index>
__attribute__((target("avx2,fma"))) double Avx2Loop(std::index_sequence<Index...>) {
  __m256 sums[] = {_mm256_set1_ps(static_cast<float>(Index))...};
  const __m256 a = _mm256_set1_ps(0.999F);
  const __m256 b = _mm256_set1_ps(1.0F);
  for (int round = 0; round < kRounds; ++round) (Avx2Step(sums[Index], a, b), ...);
  return 2.0 * 8 * sizeof...(Index) * kRounds;
}

__attribute__((target("avx512f"), always_inline)) inline void Avx512Step(
    __m512& sum, __m512 a, __m512 b) {
  sum = _mm512_fmadd_ps(sum, a, b);
  __asm__ volatile("" : "+v"(sum));
}

template <size_t... Index>
__attribute__((target("avx512f"))) double Avx512Loop(std::index_sequence<Index...>) {
  __m512 sums[] = {_mm512_set1_ps(static_cast<float>(Index))...};
  const __m512 a = _mm512_set1_ps(0.999F);
  const __m512 b = _mm512_set1_ps(1.0F);
  for (int round = 0; round < kRounds; ++round) (Avx512Step(sums[Index], a, b), ...);
  return 2.0 * 16 * sizeof...(Index) * kRounds;
}

__attribute__((target("avx512f,avx512bf16"), always_inline)) inline void Avx512Bf16Step(
    __m512& sum, __m512bh pair) {
  sum = _mm512_dpbf16_ps(sum, pair, pair);
  __asm__ volatile("" : "+v"(sum));
}

template <size_t... Index>
__attribute__((target("avx512f,avx512bf16"))) double Avx512Bf16Loop(std::index_sequence<Index...>) {
  __m512 sums[] = {_mm512_set1_ps(static_cast<float>(Index))...};
  const __m512bh pair = _mm512_cvtne2ps_pbh(_mm512_set1_ps(0.5F), _mm512_set1_ps(0.25F));
  for (int round = 0; round < kRounds; ++round) (Avx512Bf16Step(sums[Index], pair), ...);
  return 2.0 * 32 * sizeof...(Index) * kRounds;
}

struct alignas(64) TileConfig {
  uint8_t palette = 1;
  uint8_t start_row = 0;
  uint8_t reserved[14] = {};
  uint16_t row_bytes[16] = {};
  uint8_t rows[16] = {};
};

// The kernel gives the tile registers to a process that asks (once for all its threads).
bool MayUseTiles() {
  constexpr int kRequestPermission = 0x1023;
  constexpr int kTileData = 18;
  unsigned a = 0, b = 0, c = 0, d = 0;
  if (__get_cpuid_count(7, 0, &a, &b, &c, &d) == 0) return false;
  const bool has_tiles = ((d >> 24) & 1) != 0 && ((d >> 22) & 1) != 0;
  return has_tiles && syscall(SYS_arch_prctl, kRequestPermission, kTileData) == 0;
}

__attribute__((target("amx-tile,amx-bf16"))) double AmxLoop() {
  TileConfig config;
  for (int i = 0; i < 8; ++i) {
    config.row_bytes[i] = 64;
    config.rows[i] = 16;
  }
  // GCC 12 does not know that the whole struct is read.
  __asm__ volatile("" : : "r"(&config) : "memory");
  _tile_loadconfig(&config);
  _tile_zero(0);
  _tile_zero(1);
  _tile_zero(2);
  _tile_zero(3);
  _tile_zero(4);
  _tile_zero(5);
  _tile_zero(6);
  _tile_zero(7);
  constexpr int kTileRounds = kRounds / 8;
  for (int round = 0; round < kTileRounds; ++round) {
    _tile_dpbf16ps(0, 4, 6);
    _tile_dpbf16ps(1, 4, 7);
    _tile_dpbf16ps(2, 5, 6);
    _tile_dpbf16ps(3, 5, 7);
  }
  _tile_release();
  return 4 * 2.0 * 16 * 16 * 32 * kTileRounds;
}

// All that a kernel of this type may compute with. bf16 may also be widened and multiplied as
// fp32, which is the faster of the two where the instruction for bf16 pairs has half the rate.
std::vector<Loop> ChooseLoops(const std::string& isa, bool is_bf16) {
  const bool may_avx512 = isa.rfind("avx512", 0) == 0 || isa == "amx";
  if (is_bf16 && isa == "amx" && MayUseTiles()) return {{"AMX bf16", &AmxLoop}};
  std::vector<Loop> loops;
  if (is_bf16 && may_avx512 && isa != "avx512" && __builtin_cpu_supports("avx512bf16")) {
    loops.push_back({"AVX-512 bf16", [] { return Avx512Bf16Loop(SixteenSums()); }});
  }
  if (may_avx512 && __builtin_cpu_supports("avx512f")) {
    loops.push_back({"AVX-512 FMA f32", [] { return Avx512Loop(SixteenSums()); }});
  } else if ((may_avx512 || isa == "avx2") && __builtin_cpu_supports("avx2")) {
    loops.push_back({"AVX2 FMA f32", [] { return Avx2Loop(TwelveSums()); }});
  }
  if (loops.empty()) loops.push_back({"plain f32", &PlainLoop});
  return loops;
}

#else

std::vector<Loop> ChooseLoops(const std::string&, bool) { return {{"plain f32", &PlainLoop}}; }

#endif

// The best total of several tries of `work` on all threads at once: what it returns, per second.
double BestRate(int threads, double seconds, const std::function<double(int)>& work) {
  double best = 0;
  for (int attempt = 0; attempt < 3; ++attempt) {
    std::vector<double> rates(static_cast<size_t>(threads), 0);
    std::vector<std::thread> workers;
    for (int t = 0; t < threads; ++t) {
      workers.emplace_back([&rates, &work, seconds, t] {
        const auto start = Clock::now();
        double done = 0;
        double passed = 0;
        do {
          done += work(t);
          passed = std::chrono::duration<double>(Clock::now() - start).count();
        } while (passed < seconds);
        rates[static_cast<size_t>(t)] = done / passed;
      });
    }
    for (std::thread& worker : workers) worker.join();
    double total = 0;
    for (const double rate : rates) total += rate;
    best = std::max(best, total);
  }
  return best;
}

}  // namespace

MachinePeak MeasureMachinePeak(const std::string& isa, bool is_bf16, int threads) {
  threads = std::max(threads, 1);
  MachinePeak peak;
  for (const Loop& loop : ChooseLoops(isa, is_bf16)) {
    const double rate = BestRate(threads, 0.06, [&](int) { return loop.run(); }) / 1e9;
    if (rate <= peak.gflops_per_s) continue;
    peak.instructions = loop.instructions;
    peak.gflops_per_s = rate;
  }

  // Beyond the caches of any socket; less when there is not that much memory.
  size_t bytes = size_t{512} << 20;
  std::unique_ptr<char[]> block;
  for (; bytes >= (size_t{8} << 20); bytes /= 2) {
    block.reset(new (std::nothrow) char[bytes]);
    if (block != nullptr) break;
  }
  if (block == nullptr) return peak;
  std::memset(block.get(), 1, bytes);
  const size_t half = bytes / static_cast<size_t>(threads) / 2;
  peak.gbytes_per_s = BestRate(threads, 0.08, [&](int thread) {
    char* to = block.get() + 2 * half * static_cast<size_t>(thread);
    std::memcpy(to, to + half, half);
    return 2.0 * static_cast<double>(half);
  }) / 1e9;
  return peak;
}

}  // namespace tessera::cli
