// The GEMM kernels of 6 x 16 sums on vectors of eight numbers, of operands of T that are packed as
// fp32. Included after a vec_*.h.
#pragma once

#include "kernels/cpu/gemm/plain_pack.h"
#include "kernels/cpu/gemm/tile_loops.h"

namespace tessera::cpu::dense {
namespace {

template <class T>
constexpr GemmKernel PlainKernel() {
  return {.tile_rows = 6,
          .tile_columns = 16,
          .unit = 1,
          .unit_bytes = 4,
          .row_block_bytes = 1024,
          .unit_block_bytes = 1024,
          .rows_together = kRowsTogether,
          .pack_rhs = PackPlain<T, 16>,
          .pack_units = PackPlain<T, 6>,
          .pack_rows = PackPlainRows<T, 6>,
          .product_units = TileRows<UnitOf<T>, false, 6, 2, 6>,
          .product_rows = TileRows<UnitOf<T>, true, 6, 2, 6>,
          .leave = EndStreams,
          .packs_aside = true};
}

}  // namespace
}  // namespace tessera::cpu::dense
