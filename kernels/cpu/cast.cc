// y = x in another dtype: every pair of dtypes, rounded once. Rules: internal/convert.h.
#include "kernels/cpu/internal/call.h"
#include "kernels/cpu/internal/convert.h"
#include "kernels/cpu/vector/elementwise.h"

namespace tessera::cpu {
namespace {

template <class From, class To>
void RunCast(const tsr_kernel_call* call, const tsr_kernel_plan*, int32_t, int64_t task) {
  const From* x = In<From>(call, 0);
  To* y = Out<To>(call, 0);
  const Range range = ElementsOf(task, Count(call->outputs[0]));
  for (int64_t i = range.begin; i < range.end; ++i) {
    if constexpr (std::is_same_v<From, To>) {
      y[i] = x[i];
    } else {
      ConvertTo(Get(x[i]), &y[i]);
    }
  }
}

int32_t Prepare(const tsr_kernel_call* call, tsr_kernel_plan* plan, char* reason) {
  if (!HasOperands(call, 1, 1, reason)) return 1;
  const DType to = TypeOf(call->outputs[0]);
  const tsr_kernel_run run =
      PickAny(TypeOf(call->inputs[0]), [to]<class From>() -> tsr_kernel_run {
        return PickAny(to, []<class To>() -> tsr_kernel_run { return RunCast<From, To>; });
      });
  return Ready(plan, run, ElementTasks(Count(call->outputs[0])), reason);
}

}  // namespace

void RegisterCastKernels(KernelSink& sink) {
  AddVector<"cast">(sink, vector::PrepareCast);
  AddReference<"cast">(sink, Prepare);
}

}  // namespace tessera::cpu
