// GEMM with AVX-512 BF16: 14 x 32 sums, two products a lane by vdpbf16ps.
//
// The instruction sums a pair, first the later element, without rounding the products, rounds to
// nearest even and takes denormal numbers as zero.
#include "kernels/cpu/gemm/kernels.h"

#if defined(__x86_64__)

#include "kernels/cpu/internal/intrinsics.h"

#pragma GCC target("avx2,fma,avx512f,avx512bw,avx512dq,avx512vl,avx512bf16,prefer-vector-width=512")

#include "kernels/cpu/internal/vec_avx512.h"

#include "kernels/cpu/gemm/avx512_pack.h"
#include "kernels/cpu/gemm/tile_loops.h"
#include "kernels/cpu/gemm/unit_pairs.h"

namespace tessera::cpu::dense {

const GemmKernel kGemmAvx512Dot = {
    .tile_rows = 14,
    .tile_columns = 32,
    .unit = 2,
    .unit_bytes = 4,
    .row_block_bytes = 2048,
    .unit_block_bytes = 1024,
    .rows_together = kRowsTogether,
    .pack_rhs = PackUnits<FormatPairs, 32>,
    .pack_units = PackUnits<FormatPairs, 14>,
    .pack_rows = PackRowUnits<FormatPairs, 14>,
    .product_units = TileRows<UnitPairs, false, 14, 2, 14>,
    .product_rows = TileRows<UnitPairs, true, 14, 2, 14>,
    .leave = EndStreams,
    .packs_aside = true};

}  // namespace tessera::cpu::dense

#endif  // defined(__x86_64__)
