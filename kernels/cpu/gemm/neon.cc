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
    6,
    16,
    1,
    4,
    PackPlain<float, 16>,
    PackPlain<float, 6>,
    PackPlainRows<float, 6>,
    TileRows<UnitF32, false, 6, 2, 6>,
    TileRows<UnitF32, true, 6, 2, 6>,
    nullptr,
    EndStreams,
    1,
    true};
const GemmKernel kGemmNeonBF16 = {
    6,
    16,
    1,
    4,
    PackPlain<BF16, 16>,
    PackPlain<BF16, 6>,
    PackPlainRows<BF16, 6>,
    TileRows<UnitWidened, false, 6, 2, 6>,
    TileRows<UnitWidened, true, 6, 2, 6>,
    nullptr,
    EndStreams,
    1,
    true};
const FewRowsKernel kFewRowsNeon = kFewRowsLoops;

}  // namespace tessera::cpu::dense

#endif  // defined(__aarch64__)
