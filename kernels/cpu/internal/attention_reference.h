// Reference attention and its gradients: plain loops, every float dtype, any instruction set.
//
// Sums are made in the sum type (fp64 for f64, else fp32) in rising order of key, query or depth;
// memory beyond the operands is one number per query row. Meant to be right, not fast.
// Thread-safe: no state.
#pragma once

#include "cpp/device/backend.h"

namespace tessera::cpu::dense {

int32_t PrepareReferenceAttention(const tsr_kernel_call* call, tsr_kernel_plan* plan,
                                  char* reason);
int32_t PrepareReferenceAttentionGrad(const tsr_kernel_call* call, tsr_kernel_plan* plan,
                                      char* reason);
int32_t PrepareReferenceAttentionBiasGrad(const tsr_kernel_call* call, tsr_kernel_plan* plan,
                                          char* reason);

}  // namespace tessera::cpu::dense
