// y = x^2 - 1: the reference kernel, in the dtype's compute type.
#include "kernels/cpu/internal/call.h"

namespace tessera::cpu {
namespace {

template <class T>
void RunParabola(const tsr_kernel_call* call, const tsr_kernel_plan*, int32_t, int64_t task) {
  const Range range = ElementsOf(task, Count(call->outputs[0]));
  for (int64_t i = range.begin; i < range.end; ++i) {
    const Compute<T> x = Get(In<T>(call, 0)[i]);
    Put<T>(x * x - 1, Out<T>(call, 0) + i);
  }
}

int32_t Prepare(const tsr_kernel_call* call, tsr_kernel_plan* plan, char* reason) {
  if (!HasOperands(call, 1, 1, reason)) return 1;
  const tsr_kernel_run run = PickFloat(
      TypeOf(call->inputs[0]), []<class T>() -> tsr_kernel_run { return RunParabola<T>; });
  return Ready(plan, run, ElementTasks(Count(call->outputs[0])), reason);
}

}  // namespace

void RegisterParabolaKernels(KernelSink& sink) {
  AddReference<"parabola">(sink, Prepare, kInPlace0);
}

}  // namespace tessera::cpu
