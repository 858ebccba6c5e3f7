// out = y where x is true, otherwise z; all three broadcast. Bytes are moved, nothing is computed.
#include "kernels/cpu/internal/broadcast.h"
#include "kernels/cpu/internal/call.h"

namespace tessera::cpu {
namespace {

template <class T>
void RunWhere(const tsr_kernel_call* call, const tsr_kernel_plan*, int32_t, int64_t task) {
  const BroadcastWalk<3> walk(call);
  const int64_t x_stride = walk.run_stride(0), y_stride = walk.run_stride(1);
  const int64_t z_stride = walk.run_stride(2);
  walk.ForRuns(ElementsOf(task, Count(call->outputs[0])),
               [&](int64_t begin, int64_t count, const int64_t* offsets) {
                 const Bool* x = In<Bool>(call, 0) + offsets[0];
                 const T* y = In<T>(call, 1) + offsets[1];
                 const T* z = In<T>(call, 2) + offsets[2];
                 T* out = Out<T>(call, 0) + begin;
                 for (int64_t i = 0; i < count; ++i) {
                   out[i] = Get(x[i * x_stride]) ? y[i * y_stride] : z[i * z_stride];
                 }
               });
}

int32_t Prepare(const tsr_kernel_call* call, tsr_kernel_plan* plan, char* reason) {
  if (!HasOperands(call, 3, 1, reason)) return 1;
  if (TypeOf(call->inputs[0]) != DType::kBool) return Decline(reason, "the condition is no bool");
  const tsr_kernel_run run = PickBytes(TypeOf(call->inputs[1]),
                                       []<class T>() -> tsr_kernel_run { return RunWhere<T>; });
  return Ready(plan, run, ElementTasks(Count(call->outputs[0])), reason);
}

}  // namespace

void RegisterWhereKernels(KernelSink& sink) {
  AddReference<"where">(sink, Prepare, TSR_KERNEL_IN_PLACE_1 | TSR_KERNEL_IN_PLACE_2);
}

}  // namespace tessera::cpu
