// glu: y = act(gate) * up. glu_grad: dgate = dy * up * act'(gate), dup = dy * act(gate).
#include "kernels/cpu/internal/call.h"
#include "kernels/cpu/internal/scalar_math.h"
#include "kernels/cpu/vector/elementwise.h"

namespace tessera::cpu {
namespace {

template <class Act, class T>
void RunGlu(const tsr_kernel_call* call, const tsr_kernel_plan*, int32_t, int64_t task) {
  const T* gate = In<T>(call, 0);
  const T* up = In<T>(call, 1);
  T* y = Out<T>(call, 0);
  const Range range = ElementsOf(task, Count(call->outputs[0]));
  for (int64_t i = range.begin; i < range.end; ++i) {
    Put<T>(Act::Value(Get(gate[i])) * Get(up[i]), &y[i]);
  }
}

// Results may lie over gate and up: everything is read before anything is written.
template <class Act, class T>
void RunGluGrad(const tsr_kernel_call* call, const tsr_kernel_plan*, int32_t, int64_t task) {
  const Range range = ElementsOf(task, Count(call->outputs[0]));
  for (int64_t i = range.begin; i < range.end; ++i) {
    const Compute<T> gate = Get(In<T>(call, 0)[i]);
    const Compute<T> up = Get(In<T>(call, 1)[i]);
    const Compute<T> dy = Get(In<T>(call, 2)[i]);
    Put<T>(dy * up * Act::Slope(gate), &Out<T>(call, 0)[i]);
    Put<T>(dy * Act::Value(gate), &Out<T>(call, 1)[i]);
  }
}

// f.operator()<Act>() for the named activation, null for a name that is none.
template <class F>
tsr_kernel_run PickActivation(std::string_view name, F f) {
  if (name == "relu") return f.template operator()<Relu>();
  if (name == "gelu") return f.template operator()<Gelu>();
  if (name == "gelu_tanh") return f.template operator()<GeluTanh>();
  if (name == "silu") return f.template operator()<Silu>();
  if (name == "sigmoid") return f.template operator()<Sigmoid>();
  return nullptr;
}

int32_t PrepareGlu(const tsr_kernel_call* call, tsr_kernel_plan* plan, char* reason) {
  if (!HasOperands(call, 2, 1, reason)) return 1;
  const DType dtype = TypeOf(call->inputs[0]);
  const tsr_kernel_run run = PickActivation(
      TextAttr(call, "activation"), [dtype]<class Act>() -> tsr_kernel_run {
        return PickFloat(dtype, []<class T>() -> tsr_kernel_run { return RunGlu<Act, T>; });
      });
  return Ready(plan, run, ElementTasks(Count(call->outputs[0])), reason);
}

int32_t PrepareGluGrad(const tsr_kernel_call* call, tsr_kernel_plan* plan, char* reason) {
  if (!HasOperands(call, 3, 2, reason)) return 1;
  const DType dtype = TypeOf(call->inputs[0]);
  const tsr_kernel_run run = PickActivation(
      TextAttr(call, "activation"), [dtype]<class Act>() -> tsr_kernel_run {
        return PickFloat(dtype, []<class T>() -> tsr_kernel_run { return RunGluGrad<Act, T>; });
      });
  return Ready(plan, run, ElementTasks(Count(call->outputs[0])), reason);
}

}  // namespace

void RegisterGluKernels(KernelSink& sink) {
  AddVector<"glu">(sink, vector::PrepareGlu, kInPlace01, 2);
  AddVector<"glu_grad">(sink, vector::PrepareGluGrad, kInPlace01, 2);
  AddReference<"glu">(sink, PrepareGlu, kInPlace01);
  AddReference<"glu_grad">(sink, PrepareGluGrad, kInPlace01);
}

}  // namespace tessera::cpu
