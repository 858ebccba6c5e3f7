// The GEMM driver: packing, blocking and tasks, the same for every instruction set.
//
// Phase 0 packs both operands of all batches into the workspace, whatever their transposes; phase
// 1 computes blocks of C. Each element of C is a sum over k in rising order, cut at multiples of
// kBlockUnits units: the order belongs to the kernel's version, and neither blocks of rows and
// columns nor threads nor tasks change it. Thread-safe: no state.
#pragma once

#include "kernels/cpu/gemm/kernel.h"
#include "kernels/cpu/gemm/shape.h"

namespace tessera::cpu::dense {

// Bytes of k per row of a packed panel after which sums go through memory.
inline constexpr int64_t kBlockBytes = 8192;

// Plans |shape| with |kernel|, which must outlive the plan. Output f32 or bf16.
int32_t PlanGemm(const MatmulShape& shape, const GemmKernel& kernel, tsr_kernel_plan* plan,
                 char* reason);

}  // namespace tessera::cpu::dense
