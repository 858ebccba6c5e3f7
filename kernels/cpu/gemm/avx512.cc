// GEMM and few-row products with AVX-512: 14 x 32 sums in 28 registers; bf16 operands are widened
// while packed.
#include "kernels/cpu/gemm/few_rows.h"
#include "kernels/cpu/gemm/kernels.h"

#if defined(__x86_64__)

#include "kernels/cpu/internal/intrinsics.h"

#pragma GCC target("avx2,fma,avx512f,avx512bw,avx512dq,avx512vl,prefer-vector-width=512")

#include "kernels/cpu/internal/vec_avx512.h"

#include "kernels/cpu/gemm/avx512_pack.h"
#include "kernels/cpu/gemm/few_rows_loops.h"
#include "kernels/cpu/gemm/tile_loops.h"

namespace tessera::cpu::dense {

const GemmKernel kGemmAvx512F32 = {
    .tile_rows = 14,
    .tile_columns = 32,
    .unit = 1,
    .unit_bytes = 4,
    .row_block_bytes = 2048,
    .unit_block_bytes = 1024,
    .rows_together = kRowsTogether,
    .pack_rhs = PackUnits<FormatF32, 32>,
    .pack_units = PackUnits<FormatF32, 14>,
    .pack_rows = PackRowUnits<FormatF32, 14>,
    .product_units = TileRows<UnitF32, false, 14, 2, 14>,
    .product_rows = TileRows<UnitF32, true, 14, 2, 14>,
    .leave = EndStreams,
    .packs_aside = true};
const GemmKernel kGemmAvx512BF16 = {
    .tile_rows = 14,
    .tile_columns = 32,
    .unit = 1,
    .unit_bytes = 4,
    .row_block_bytes = 2048,
    .unit_block_bytes = 1024,
    .rows_together = kRowsTogether,
    .pack_rhs = PackUnits<FormatWidened, 32>,
    .pack_units = PackUnits<FormatWidened, 14>,
    .pack_rows = PackRowUnits<FormatWidened, 14>,
    .product_units = TileRows<UnitWidened, false, 14, 2, 14>,
    .product_rows = TileRows<UnitWidened, true, 14, 2, 14>,
    .leave = EndStreams,
    .packs_aside = true};
const FewRowsKernel kFewRowsAvx512 = kFewRowsLoops;

}  // namespace tessera::cpu::dense

#endif  // defined(__x86_64__)
