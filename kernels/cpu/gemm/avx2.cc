// GEMM and few-row products with AVX2 and FMA: 6 x 16 sums in 12 registers; bf16 operands are
// widened while packed.
#include "kernels/cpu/gemm/few_rows.h"
#include "kernels/cpu/gemm/kernels.h"

#if defined(__x86_64__)

#include "kernels/cpu/internal/intrinsics.h"

#pragma GCC target("avx2,fma,f16c")

#include "kernels/cpu/internal/vec_avx2.h"

#include "kernels/cpu/gemm/few_rows_loops.h"
#include "kernels/cpu/gemm/plain_kernel.h"

namespace tessera::cpu::dense {

const GemmKernel kGemmAvx2F32 = PlainKernel<float>();
const GemmKernel kGemmAvx2BF16 = PlainKernel<BF16>();
const FewRowsKernel kFewRowsAvx2 = kFewRowsLoops;

}  // namespace tessera::cpu::dense

#endif  // defined(__x86_64__)
