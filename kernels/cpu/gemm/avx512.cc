// GEMM and few-row products with AVX-512: 14 x 32 sums in 28 registers; bf16 operands are widened
// while packed.
#include "kernels/cpu/gemm/few_rows.h"
#include "kernels/cpu/gemm/kernels.h"

#if defined(__x86_64__)

#include "kernels/cpu/internal/intrinsics.h"

#pragma GCC target("avx2,fma,avx512f,avx512bw,avx512dq,avx512vl,prefer-vector-width=512")

#include "kernels/cpu/internal/vec_avx512.h"

#include "kernels/cpu/gemm/avx512_kernel.h"
#include "kernels/cpu/gemm/few_rows_loops.h"

namespace tessera::cpu::dense {

const GemmKernel kGemmAvx512F32 = Avx512Kernel<FormatF32, UnitF32>();
const GemmKernel kGemmAvx512BF16 = Avx512Kernel<FormatWidened, UnitWidened>();
const FewRowsKernel kFewRowsAvx512 = kFewRowsLoops;

}  // namespace tessera::cpu::dense

#endif  // defined(__x86_64__)
