// GEMM and few-row products with NEON: 6 x 16 sums in 24 registers; bf16 operands are
// widened while packed.
#include "kernels/cpu/gemm/few_rows.h"
#include "kernels/cpu/gemm/kernels.h"

#if defined(__aarch64__)

#include "kernels/cpu/internal/vec_neon.h"

#include "kernels/cpu/gemm/few_rows_loops.h"
#include "kernels/cpu/gemm/plain_pack.h"
#include "kernels/cpu/gemm/tile_loops.h"

namespace tessera::cpu::dense {

const GemmKernel kGemmNeonF32 = {
    .tile_rows = 6,
    .tile_columns = 16,
    .unit = 1,
    .unit_bytes = 4,
    .row_block_bytes = 1024,
    .unit_block_bytes = 1024,
    .rows_together = kRowsTogether,
    .pack_rhs = PackPlain<float, 16>,
    .pack_units = PackPlain<float, 6>,
    .pack_rows = PackPlainRows<float, 6>,
    .product_units = TileRows<UnitF32, false, 6, 2, 6>,
    .product_rows = TileRows<UnitF32, true, 6, 2, 6>,
    .leave = EndStreams,
    .packs_aside = true};
const GemmKernel kGemmNeonBF16 = {
    .tile_rows = 6,
    .tile_columns = 16,
    .unit = 1,
    .unit_bytes = 4,
    .row_block_bytes = 1024,
    .unit_block_bytes = 1024,
    .rows_together = kRowsTogether,
    .pack_rhs = PackPlain<BF16, 16>,
    .pack_units = PackPlain<BF16, 6>,
    .pack_rows = PackPlainRows<BF16, 6>,
    .product_units = TileRows<UnitWidened, false, 6, 2, 6>,
    .product_rows = TileRows<UnitWidened, true, 6, 2, 6>,
    .leave = EndStreams,
    .packs_aside = true};
const FewRowsKernel kFewRowsNeon = kFewRowsLoops;

}  // namespace tessera::cpu::dense

#endif  // defined(__aarch64__)
