// Vector kernels of elementwise ops, f32 and bf16 (arithmetic also f64): the `prepare` functions,
// each for all instruction sets. The scalar forms and the formulas are in the files of the ops.
// Thread-safe.
#pragma once

#include <cstdint>

#include "cpp/device/backend.h"

namespace tessera::cpu::vector {

// What is made of an activation f: f(x); f'(x) dy; f(gate) up; both gradients of the latter.
enum class ActUse { kValue, kSlope, kGlu, kGluGrad };

enum class Arithmetic { kAdd, kSub, kMul, kDiv, kAddN };

int32_t PrepareRelu(const tsr_kernel_call* call, tsr_kernel_plan* plan, char* reason);
int32_t PrepareSilu(const tsr_kernel_call* call, tsr_kernel_plan* plan, char* reason);
int32_t PrepareGelu(const tsr_kernel_call* call, tsr_kernel_plan* plan, char* reason);
int32_t PrepareAdd(const tsr_kernel_call* call, tsr_kernel_plan* plan, char* reason);
int32_t PrepareSub(const tsr_kernel_call* call, tsr_kernel_plan* plan, char* reason);
int32_t PrepareMul(const tsr_kernel_call* call, tsr_kernel_plan* plan, char* reason);
int32_t PrepareDiv(const tsr_kernel_call* call, tsr_kernel_plan* plan, char* reason);
int32_t PrepareReluGrad(const tsr_kernel_call* call, tsr_kernel_plan* plan, char* reason);
int32_t PrepareSiluGrad(const tsr_kernel_call* call, tsr_kernel_plan* plan, char* reason);
int32_t PrepareGeluGrad(const tsr_kernel_call* call, tsr_kernel_plan* plan, char* reason);
int32_t PrepareAddN(const tsr_kernel_call* call, tsr_kernel_plan* plan, char* reason);
int32_t PrepareCast(const tsr_kernel_call* call, tsr_kernel_plan* plan, char* reason);
int32_t PrepareGlu(const tsr_kernel_call* call, tsr_kernel_plan* plan, char* reason);
int32_t PrepareGluGrad(const tsr_kernel_call* call, tsr_kernel_plan* plan, char* reason);

}  // namespace tessera::cpu::vector
