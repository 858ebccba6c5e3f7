// GEMM with AVX-512 BF16: 14 x 32 sums, two products a lane by vdpbf16ps.
//
// The instruction sums a pair, first the later element, without rounding the products, rounds to
// nearest even and takes denormal numbers as zero.
#include "kernels/cpu/gemm/kernels.h"

#if defined(__x86_64__)

#include "kernels/cpu/internal/intrinsics.h"

#pragma GCC target("avx2,fma,avx512f,avx512bw,avx512dq,avx512vl,avx512bf16,prefer-vector-width=512")

#include "kernels/cpu/internal/vec_avx512.h"

#include "kernels/cpu/gemm/avx512_kernel.h"
#include "kernels/cpu/gemm/unit_pairs.h"

namespace tessera::cpu::dense {

const GemmKernel kGemmAvx512Dot = Avx512Kernel<FormatPairs, UnitPairs>();

}  // namespace tessera::cpu::dense

#endif  // defined(__x86_64__)
