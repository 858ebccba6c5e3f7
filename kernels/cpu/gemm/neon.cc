// GEMM and few-row products with NEON: 6 x 16 sums in 24 registers; bf16 operands are
// widened while packed.
#include "kernels/cpu/gemm/few_rows.h"
#include "kernels/cpu/gemm/kernels.h"

#if defined(__aarch64__)

#include "kernels/cpu/internal/vec_neon.h"

#include "kernels/cpu/gemm/few_rows_loops.h"
#include "kernels/cpu/gemm/plain_kernel.h"

namespace tessera::cpu::dense {

const GemmKernel kGemmNeonF32 = PlainKernel<float>();
const GemmKernel kGemmNeonBF16 = PlainKernel<BF16>();
const FewRowsKernel kFewRowsNeon = kFewRowsLoops;

}  // namespace tessera::cpu::dense

#endif  // defined(__aarch64__)
