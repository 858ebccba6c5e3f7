// The GEMM kernels of 14 x 32 sums in 28 registers of AVX-512: a format of avx512_pack.h, and the
// Unit of tile_loops.h that reads what it packs. Included after vec_avx512.h.
#pragma once

#include "kernels/cpu/gemm/avx512_pack.h"
#include "kernels/cpu/gemm/tile_loops.h"

namespace tessera::cpu::dense {
namespace {

template <class Format, class Unit>
constexpr GemmKernel Avx512Kernel() {
  return {.tile_rows = 14,
          .tile_columns = 32,
          .unit = Format::kUnit,
          .unit_bytes = 4,
          .row_block_bytes = 2048,
          .unit_block_bytes = 1024,
          .rows_together = kRowsTogether,
          .pack_rhs = PackUnits<Format, 32>,
          .pack_units = PackUnits<Format, 14>,
          .pack_rows = PackRowUnits<Format, 14>,
          .product_units = TileRows<Unit, false, 14, 2, 14>,
          .product_rows = TileRows<Unit, true, 14, 2, 14>,
          .leave = EndStreams,
          .packs_aside = true};
}

}  // namespace
}  // namespace tessera::cpu::dense
