// GEMM with AMX tiles of bf16: 32 x 32 sums in four tile registers.
//
// Permission to use tiles is asked for once per process (internal/cpu_features.cc); without it the
// kernel is not among those that may run. The tile shapes are configured per thread, by every task
// before its first product, and released after its last. Products take denormal numbers as zero.
// Compiled, but not yet run on a machine with AMX: packing, blocking and tails are tested with
// emulated tiles (tests/kernels/amx_test.cc), nothing is tuned.
#include "kernels/cpu/gemm/kernels.h"

#if defined(__x86_64__)

#include "kernels/cpu/internal/intrinsics.h"

#pragma GCC target("avx2,fma,avx512f,avx512bw,avx512dq,avx512vl,avx512bf16")
#pragma GCC target("amx-tile,amx-bf16,prefer-vector-width=512")

#include "kernels/cpu/internal/vec_avx512.h"

#include "kernels/cpu/gemm/avx512_pack.h"

#include "kernels/cpu/gemm/amx_loops.h"

namespace tessera::cpu::dense {
namespace {

// What the LDTILECFG instruction reads.
struct alignas(64) TileConfig {
  uint8_t palette = 1;
  uint8_t start_row = 0;
  uint8_t reserved[14] = {};
  uint16_t row_bytes[16] = {64, 64, 64, 64, 64, 64, 64, 64};
  uint8_t rows[16] = {16, 16, 16, 16, 16, 16, 16, 16};
};
static_assert(sizeof(TileConfig) == 64);

constexpr TileConfig kTileConfig;

// Registers 0 to 3 hold sums, 4 and 5 left tiles, 6 and 7 right ones.
struct MachineTiles {
  static void Enter() {
    // The intrinsic names one byte of what it reads: all of it must be in memory.
    asm volatile("" : : "m"(kTileConfig) : "memory");
    _tile_loadconfig(&kTileConfig);
  }
  static void Leave() { _tile_release(); }
  static void ClearSums() {
    _tile_zero(0);
    _tile_zero(1);
    _tile_zero(2);
    _tile_zero(3);
  }
  static void LoadLeft0(const void* p, int64_t step) { _tile_loadd(4, p, step); }
  static void LoadLeft1(const void* p, int64_t step) { _tile_loadd(5, p, step); }
  static void LoadRight0(const void* p, int64_t step) { _tile_loadd(6, p, step); }
  static void LoadRight1(const void* p, int64_t step) { _tile_loadd(7, p, step); }
  static void Add00() { _tile_dpbf16ps(0, 4, 6); }
  static void Add01() { _tile_dpbf16ps(1, 4, 7); }
  static void Add10() { _tile_dpbf16ps(2, 5, 6); }
  static void Add11() { _tile_dpbf16ps(3, 5, 7); }
  static void StoreSums(float* out, int64_t step) {
    _tile_stored(0, out, step);
    _tile_stored(1, out + kTileSide, step);
    _tile_stored(2, out + kTileSide * step / 4, step);
    _tile_stored(3, out + kTileSide * step / 4 + kTileSide, step);
  }
};

}  // namespace

const GemmKernel kGemmAmx = AmxKernel<MachineTiles>();

}  // namespace tessera::cpu::dense

#endif  // defined(__x86_64__)
