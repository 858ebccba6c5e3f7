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
    14,
    32,
    1,
    4,
    PackUnits<FormatF32, 32>,
    PackUnits<FormatF32, 14>,
    PackRowUnits<FormatF32, 14>,
    TileRows<UnitF32, false, 14, 2, 14>,
    TileRows<UnitF32, true, 14, 2, 14>,
    nullptr,
    EndStreams,
    1,
    true};
const GemmKernel kGemmAvx512BF16 = {
    14,
    32,
    1,
    4,
    PackUnits<FormatWidened, 32>,
    PackUnits<FormatWidened, 14>,
    PackRowUnits<FormatWidened, 14>,
    TileRows<UnitWidened, false, 14, 2, 14>,
    TileRows<UnitWidened, true, 14, 2, 14>,
    nullptr,
    EndStreams,
    1,
    true};
const FewRowsKernel kFewRowsAvx512 = kFewRowsLoops;

}  // namespace tessera::cpu::dense

#endif  // defined(__x86_64__)
