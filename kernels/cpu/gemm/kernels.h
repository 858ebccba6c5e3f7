// The GEMM kernels there are, by instruction set and operand type. See kernel.h.
#pragma once

#include "kernels/cpu/gemm/kernel.h"

namespace tessera::cpu::dense {

extern const GemmKernel kGemmAvx2F32;
extern const GemmKernel kGemmAvx2BF16;  // widened to fp32 while packing
extern const GemmKernel kGemmNeonF32;
extern const GemmKernel kGemmNeonBF16;  // widened to fp32 while packing
extern const GemmKernel kGemmAvx512F32;
extern const GemmKernel kGemmAvx512BF16;  // widened to fp32 while packing
extern const GemmKernel kGemmAvx512Dot;   // bf16 pairs, vdpbf16ps
extern const GemmKernel kGemmAmx;         // bf16 tiles

}  // namespace tessera::cpu::dense
