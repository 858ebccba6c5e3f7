// GEMM and few-row products with AVX2 and FMA: 6 x 16 sums in 12 registers; bf16 operands are
// widened while packed.
#include "kernels/cpu/gemm/few_rows.h"
#include "kernels/cpu/gemm/kernels.h"

#if defined(__x86_64__)

#include "kernels/cpu/internal/intrinsics.h"

#pragma GCC target("avx2,fma,f16c")

#include "kernels/cpu/internal/vec_avx2.h"

#include "kernels/cpu/gemm/few_rows_loops.h"
#include "kernels/cpu/gemm/plain_pack.h"
#include "kernels/cpu/gemm/tile_loops.h"

namespace tessera::cpu::dense {

const GemmKernel kGemmAvx2F32 = {
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
const GemmKernel kGemmAvx2BF16 = {
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
const FewRowsKernel kFewRowsAvx2 = kFewRowsLoops;

}  // namespace tessera::cpu::dense

#endif  // defined(__x86_64__)
