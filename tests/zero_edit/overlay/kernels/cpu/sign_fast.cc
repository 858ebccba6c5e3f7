// A faster kernel for an op that there is already: sign of f32, without branches.
#include "kernels/cpu/internal/call.h"

namespace tessera::cpu {
namespace {

void RunSign(const tsr_kernel_call* call, const tsr_kernel_plan*, int32_t, int64_t task) {
  const float* x = In<float>(call, 0);
  float* y = Out<float>(call, 0);
  const Range range = ElementsOf(task, Count(call->outputs[0]));
  for (int64_t i = range.begin; i < range.end; ++i) {
    y[i] = static_cast<float>((x[i] > 0) - (x[i] < 0));
  }
}

int32_t Prepare(const tsr_kernel_call* call, tsr_kernel_plan* plan, char* reason) {
  if (!HasOperands(call, 1, 1, reason)) return 1;
  if (TypeOf(call->inputs[0]) != DType::kF32) return Decline(reason, "f32 only");
  return Ready(plan, RunSign, ElementTasks(Count(call->outputs[0])), reason);
}

}  // namespace

void RegisterSignFastKernels(KernelSink& sink) {
  AddKernel<"sign", ".f32.fast">(sink, TSR_ISA_BASELINE, Prepare, kInPlace0);
}

}  // namespace tessera::cpu
