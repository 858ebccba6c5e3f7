// Vector kernels of norms and their gradients, f32 and bf16. Formulas: rms_norm.cc, layer_norm.cc.
// Thread-safe.
#pragma once

#include <cstdint>

#include "cpp/device/backend.h"

namespace tessera::cpu::vector {

enum class NormKind { kRms, kRmsGrad, kLayer, kLayerBias, kLayerGrad };

int32_t PrepareRmsNorm(const tsr_kernel_call* call, tsr_kernel_plan* plan, char* reason);
int32_t PrepareRmsNormGrad(const tsr_kernel_call* call, tsr_kernel_plan* plan, char* reason);
int32_t PrepareLayerNorm(const tsr_kernel_call* call, tsr_kernel_plan* plan, char* reason);
int32_t PrepareLayerNormGrad(const tsr_kernel_call* call, tsr_kernel_plan* plan, char* reason);

}  // namespace tessera::cpu::vector
