// The GEMM kernels of 14 x 32 sums in 28 registers of AVX-512: a format of avx512_pack.h, and the
// Unit of tile_loops.h that reads what it packs. Included after vec_avx512.h.
#pragma once

#include "kernels/cpu/gemm/avx512_pack.h"
#include "kernels/cpu/gemm/tile_loops.h"

namespace tessera::cpu::dense {
namespace {

template <class Format, class Unit>
constexpr GemmKernel Avx512Kernel() {
  GemmKernel kernel = TileKernel<Unit, 14>();
  kernel.row_block_bytes = 2048;
  kernel.pack_rhs = PackUnits<Format, 32>;
  kernel.pack_units = PackUnits<Format, 14>;
  kernel.pack_rows = PackRowUnits<Format, 14>;
  return kernel;
}

}  // namespace
}  // namespace tessera::cpu::dense
