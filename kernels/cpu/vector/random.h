// Vector kernel of dropout, f32 and bf16. Formulas: random.cc. Thread-safe.
#pragma once

#include <cstdint>

#include "cpp/device/backend.h"

namespace tessera::cpu::vector {

int32_t PrepareDropout(const tsr_kernel_call* call, tsr_kernel_plan* plan, char* reason);

}  // namespace tessera::cpu::vector
