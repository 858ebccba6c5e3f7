// Vector kernels over rows of classes, f32 and bf16: softmax, log_softmax, cross_entropy and their
// gradients. Formulas: softmax.cc, cross_entropy.cc. Thread-safe.
#pragma once

#include <cstdint>

#include "cpp/device/backend.h"

namespace tessera::cpu::vector {

enum class ClassKind {
  kSoftmax,
  kLogSoftmax,
  kSoftmaxGrad,
  kLogSoftmaxGrad,
  kCrossEntropy,
  kCrossEntropyGrad,
};

int32_t PrepareSoftmax(const tsr_kernel_call* call, tsr_kernel_plan* plan, char* reason);
int32_t PrepareLogSoftmax(const tsr_kernel_call* call, tsr_kernel_plan* plan, char* reason);
int32_t PrepareSoftmaxGrad(const tsr_kernel_call* call, tsr_kernel_plan* plan, char* reason);
int32_t PrepareLogSoftmaxGrad(const tsr_kernel_call* call, tsr_kernel_plan* plan, char* reason);
int32_t PrepareCrossEntropy(const tsr_kernel_call* call, tsr_kernel_plan* plan, char* reason);
int32_t PrepareCrossEntropyGrad(const tsr_kernel_call* call, tsr_kernel_plan* plan, char* reason);

}  // namespace tessera::cpu::vector
