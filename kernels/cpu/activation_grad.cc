// dx = f'(x) * dy: relu_grad, silu_grad, gelu_grad. Formulas: internal/scalar_math.h.
#include "kernels/cpu/internal/call.h"
#include "kernels/cpu/internal/scalar_math.h"
#include "kernels/cpu/vector/elementwise.h"

namespace tessera::cpu {
namespace {

template <class Act, class T>
void RunGrad(const tsr_kernel_call* call, const tsr_kernel_plan*, int32_t, int64_t task) {
  const T* x = In<T>(call, 0);
  const T* dy = In<T>(call, 1);
  T* dx = Out<T>(call, 0);
  const Range range = ElementsOf(task, Count(call->outputs[0]));
  for (int64_t i = range.begin; i < range.end; ++i) {
    Put<T>(Act::Slope(Get(x[i])) * Get(dy[i]), &dx[i]);
  }
}

// Where x is not positive the gradient is 0 even if dy is infinite.
template <class T>
void RunReluGrad(const tsr_kernel_call* call, const tsr_kernel_plan*, int32_t, int64_t task) {
  const T* x = In<T>(call, 0);
  const T* dy = In<T>(call, 1);
  T* dx = Out<T>(call, 0);
  const Range range = ElementsOf(task, Count(call->outputs[0]));
  for (int64_t i = range.begin; i < range.end; ++i) {
    Put<T>(Get(x[i]) > 0 ? Get(dy[i]) : Compute<T>(0), &dx[i]);
  }
}

template <class F>
int32_t PrepareWith(const tsr_kernel_call* call, tsr_kernel_plan* plan, char* reason, F pick) {
  if (!HasOperands(call, 2, 1, reason)) return 1;
  return Ready(plan, PickFloat(TypeOf(call->inputs[0]), pick),
               ElementTasks(Count(call->outputs[0])), reason);
}

int32_t PrepareRelu(const tsr_kernel_call* call, tsr_kernel_plan* plan, char* reason) {
  return PrepareWith(call, plan, reason,
                     []<class T>() -> tsr_kernel_run { return RunReluGrad<T>; });
}
int32_t PrepareSilu(const tsr_kernel_call* call, tsr_kernel_plan* plan, char* reason) {
  return PrepareWith(call, plan, reason,
                     []<class T>() -> tsr_kernel_run { return RunGrad<Silu, T>; });
}
int32_t PrepareGelu(const tsr_kernel_call* call, tsr_kernel_plan* plan, char* reason) {
  const bool tanh = BoolAttr(call, "tanh");
  return PrepareWith(call, plan, reason, [tanh]<class T>() -> tsr_kernel_run {
    return tanh ? RunGrad<GeluTanh, T> : RunGrad<Gelu, T>;
  });
}

}  // namespace

void RegisterActivationGradKernels(KernelSink& sink) {
  AddVector<"relu_grad">(sink, vector::PrepareReluGrad, kInPlace01);
  AddVector<"silu_grad">(sink, vector::PrepareSiluGrad, kInPlace01, 2);
  AddVector<"gelu_grad">(sink, vector::PrepareGeluGrad, kInPlace01, 2);
  AddReference<"relu_grad">(sink, PrepareRelu, kInPlace01);
  AddReference<"silu_grad">(sink, PrepareSilu, kInPlace01);
  AddReference<"gelu_grad">(sink, PrepareGelu, kInPlace01);
}

}  // namespace tessera::cpu
