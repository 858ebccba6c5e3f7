// The reference matmul: plain loops, every float dtype, any instruction set.
//
// Sums run over k in rising order in the sum type (fp64 for f64, else fp32) and are rounded once.
// It is what the fast kernels are tested against and what gradients are checked with in fp64; it
// is not tuned. Thread-safe: no state.
#pragma once

#include "cpp/device/backend.h"

namespace tessera::cpu::dense {

int32_t PrepareReferenceMatmul(const tsr_kernel_call* call, tsr_kernel_plan* plan, char* reason);

}  // namespace tessera::cpu::dense
