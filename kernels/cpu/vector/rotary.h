// How rotary turns the heads of positions, f32 and bf16, by the call's instruction set. Formula:
// rotary.cc. Products and sums are rounded one by one, so that every instruction set gives the same
// bits. Thread-safe.
#pragma once

#include "cpp/device/backend.h"
#include "kernels/cpu/internal/rotary_shape.h"

namespace tessera::cpu::vector {

// NULL for other dtypes.
dense::RotaryTurn PickRotaryTurn(const tsr_kernel_call* call, DType dtype, bool interleaved);

}  // namespace tessera::cpu::vector
