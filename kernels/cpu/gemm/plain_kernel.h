// The GEMM kernels of 6 x 16 sums on vectors of eight numbers, of operands of T that are packed as
// fp32. Included after a vec_*.h.
#pragma once

#include "kernels/cpu/gemm/plain_pack.h"
#include "kernels/cpu/gemm/tile_loops.h"

namespace tessera::cpu::dense {
namespace {

template <class T>
constexpr GemmKernel PlainKernel() {
  GemmKernel kernel = TileKernel<UnitOf<T>, 6>();
  kernel.pack_rhs = PackPlain<T, 16>;
  kernel.pack_units = PackPlain<T, 6>;
  kernel.pack_rows = PackPlainRows<T, 6>;
  return kernel;
}

}  // namespace
}  // namespace tessera::cpu::dense
