// Vector kernels of the optimizer updates, f32 and f64. Formulas: updates.cc. Thread-safe.
#pragma once

#include <cstdint>

#include "cpp/device/backend.h"

namespace tessera::cpu::vector {

int32_t PrepareAdamw(const tsr_kernel_call* call, tsr_kernel_plan* plan, char* reason);
int32_t PrepareSgd(const tsr_kernel_call* call, tsr_kernel_plan* plan, char* reason);

}  // namespace tessera::cpu::vector
