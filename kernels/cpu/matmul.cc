// matmul(lhs, rhs) {transpose_lhs, transpose_rhs}: C[m, n] = sum over k of A[m, k] B[k, n].
//
// Best first: AMX tiles, AVX-512 with bf16 dot products, AVX-512, AVX2, then plain loops. What
// they share, and the order of every sum, stands in gemm/driver.h; gemm/README.md tells why.
#include "cpp/device/kernel_sink.h"
#include "kernels/cpu/gemm/reference.h"

namespace tessera::cpu {

void RegisterMatmulKernels(KernelSink& sink) {
  sink.Add({.struct_size = sizeof(tsr_kernel_def),
            .isa = TSR_ISA_REFERENCE,
            .op = "matmul",
            .name = "matmul.reference",
            .prepare = dense::PrepareReferenceMatmul,
            .version = 1,
            .flags = 0});
}

}  // namespace tessera::cpu
