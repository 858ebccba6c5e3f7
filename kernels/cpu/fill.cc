// Made from attributes or indices: fill, arange, one_hot.
#include "kernels/cpu/internal/call.h"
#include "kernels/cpu/internal/convert.h"

namespace tessera::cpu {
namespace {

template <class T>
void RunFill(const tsr_kernel_call* call, const tsr_kernel_plan*, int32_t, int64_t task) {
  T value;
  ConvertTo(FloatAttr(call, "value", 0), &value);
  const Range range = ElementsOf(task, Count(call->outputs[0]));
  std::fill(Out<T>(call, 0) + range.begin, Out<T>(call, 0) + range.end, value);
}

int32_t PrepareFill(const tsr_kernel_call* call, tsr_kernel_plan* plan, char* reason) {
  if (!HasOperands(call, 0, 1, reason)) return 1;
  const tsr_kernel_run run = PickAny(TypeOf(call->outputs[0]),
                                     []<class T>() -> tsr_kernel_run { return RunFill<T>; });
  return Ready(plan, run, ElementTasks(Count(call->outputs[0])), reason);
}

template <class T>
void RunArange(const tsr_kernel_call* call, const tsr_kernel_plan*, int32_t, int64_t task) {
  const double start = FloatAttr(call, "start", 0), step = FloatAttr(call, "step", 1);
  const Range range = ElementsOf(task, Count(call->outputs[0]));
  for (int64_t i = range.begin; i < range.end; ++i) {
    ConvertTo(start + static_cast<double>(i) * step, &Out<T>(call, 0)[i]);
  }
}

int32_t PrepareArange(const tsr_kernel_call* call, tsr_kernel_plan* plan, char* reason) {
  if (!HasOperands(call, 0, 1, reason)) return 1;
  const tsr_kernel_run run = PickAny(TypeOf(call->outputs[0]),
                                     []<class T>() -> tsr_kernel_run { return RunArange<T>; });
  return Ready(plan, run, ElementTasks(Count(call->outputs[0])), reason);
}

template <class T>
void RunOneHot(const tsr_kernel_call* call, const tsr_kernel_plan*, int32_t, int64_t task) {
  T zero, one;
  ConvertTo(0.0, &zero);
  ConvertTo(1.0, &one);
  const int64_t depth = LastDim(call->outputs[0]);
  const Range rows = RowsOf(task, Rows(call->outputs[0]), depth);
  for (int64_t row = rows.begin; row < rows.end; ++row) {
    T* y = Out<T>(call, 0) + row * depth;
    std::fill_n(y, depth, zero);
    const int64_t id = IndexAt(call->inputs[0], row);
    if (id >= 0 && id < depth) y[id] = one;
  }
}

int32_t PrepareOneHot(const tsr_kernel_call* call, tsr_kernel_plan* plan, char* reason) {
  if (!HasOperands(call, 1, 1, reason)) return 1;
  if (!IsIndex(call->inputs[0])) return Decline(reason, "ids must be i32 or i64");
  const tsr_operand& out = call->outputs[0];
  const tsr_kernel_run run =
      PickAny(TypeOf(out), []<class T>() -> tsr_kernel_run { return RunOneHot<T>; });
  return Ready(plan, run, RowTasks(Rows(out), LastDim(out)), reason);
}

}  // namespace

void RegisterFillKernels(KernelSink& sink) {
  AddReference<"fill">(sink, PrepareFill);
  AddReference<"arange">(sink, PrepareArange);
  AddReference<"one_hot">(sink, PrepareOneHot);
}

}  // namespace tessera::cpu
