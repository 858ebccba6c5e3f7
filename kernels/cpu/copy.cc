// Elements moved unchanged: copy, reshape (where it is not a view), broadcast_to.
#include <cstring>

#include "kernels/cpu/internal/broadcast.h"
#include "kernels/cpu/internal/call.h"

namespace tessera::cpu {
namespace {

template <class T>
void RunCopy(const tsr_kernel_call* call, const tsr_kernel_plan*, int32_t, int64_t task) {
  const Range range = ElementsOf(task, Count(call->outputs[0]));
  std::memcpy(Out<T>(call, 0) + range.begin, In<T>(call, 0) + range.begin,
              static_cast<size_t>(range.size()) * sizeof(T));
}

int32_t PrepareCopy(const tsr_kernel_call* call, tsr_kernel_plan* plan, char* reason) {
  if (!HasOperands(call, 1, 1, reason)) return 1;
  const tsr_kernel_run run = PickBytes(TypeOf(call->inputs[0]),
                                       []<class T>() -> tsr_kernel_run { return RunCopy<T>; });
  return Ready(plan, run, ElementTasks(Count(call->outputs[0])), reason);
}

template <class T>
void RunBroadcast(const tsr_kernel_call* call, const tsr_kernel_plan*, int32_t, int64_t task) {
  const BroadcastWalk<1> walk(call);
  const bool moves = walk.run_stride(0) != 0;
  walk.ForRuns(ElementsOf(task, Count(call->outputs[0])),
               [&](int64_t begin, int64_t count, const int64_t* offsets) {
                 const T* x = In<T>(call, 0) + offsets[0];
                 T* y = Out<T>(call, 0) + begin;
                 if (moves) {
                   std::copy_n(x, count, y);
                 } else {
                   std::fill_n(y, count, *x);
                 }
               });
}

int32_t PrepareBroadcast(const tsr_kernel_call* call, tsr_kernel_plan* plan, char* reason) {
  if (!HasOperands(call, 1, 1, reason)) return 1;
  const tsr_kernel_run run = PickBytes(
      TypeOf(call->inputs[0]), []<class T>() -> tsr_kernel_run { return RunBroadcast<T>; });
  return Ready(plan, run, ElementTasks(Count(call->outputs[0])), reason);
}

}  // namespace

void RegisterCopyKernels(KernelSink& sink) {
  AddReference<"copy">(sink, PrepareCopy);
  AddReference<"reshape">(sink, PrepareCopy);
  AddReference<"broadcast_to">(sink, PrepareBroadcast);
}

}  // namespace tessera::cpu
