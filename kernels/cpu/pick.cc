// pick and place: elements of rows by their place in the row, and back. Tasks are ranges of rows.
#include "kernels/cpu/internal/call.h"

namespace tessera::cpu {
namespace {

template <class T>
void RunPick(const tsr_kernel_call* call, const tsr_kernel_plan*, int32_t, int64_t task) {
  const int64_t size = LastDim(call->inputs[0]), k = LastDim(call->inputs[1]);
  const Range rows = RowsOf(task, Rows(call->inputs[0]), size);
  for (int64_t row = rows.begin; row < rows.end; ++row) {
    for (int64_t j = 0; j < k; ++j) {
      const int64_t id = In<int32_t>(call, 1)[row * k + j];
      Out<T>(call, 0)[row * k + j] =
          id < 0 || id >= size ? T{} : In<T>(call, 0)[row * size + id];
    }
  }
}

template <class T>
void RunPlace(const tsr_kernel_call* call, const tsr_kernel_plan*, int32_t, int64_t task) {
  const int64_t size = LastDim(call->outputs[0]), k = LastDim(call->inputs[1]);
  const Range rows = RowsOf(task, Rows(call->outputs[0]), size);
  for (int64_t row = rows.begin; row < rows.end; ++row) {
    T* x = Out<T>(call, 0) + row * size;
    std::fill_n(x, size, T{});
    for (int64_t j = 0; j < k; ++j) {
      const int64_t id = In<int32_t>(call, 1)[row * k + j];
      if (id < 0 || id >= size) continue;
      const T y = In<T>(call, 0)[row * k + j];
      if constexpr (std::is_integral_v<T>) {
        x[id] = static_cast<T>(static_cast<std::make_unsigned_t<T>>(x[id]) +
                               static_cast<std::make_unsigned_t<T>>(y));
      } else {
        Put<T>(Get(x[id]) + Get(y), &x[id]);
      }
    }
  }
}

bool Fits(const tsr_kernel_call* call, char* reason) {
  if (!HasOperands(call, 2, 1, reason)) return false;
  if (call->inputs[0].rank >= 1 && call->inputs[1].rank >= 1 &&
      TypeOf(call->inputs[1]) == DType::kI32) {
    return true;
  }
  Decline(reason, "expected rows and i32 ids");
  return false;
}

int32_t PreparePick(const tsr_kernel_call* call, tsr_kernel_plan* plan, char* reason) {
  if (!Fits(call, reason)) return 1;
  const tsr_operand& x = call->inputs[0];
  const tsr_kernel_run run =
      PickBytes(TypeOf(x), []<class T>() -> tsr_kernel_run { return RunPick<T>; });
  return Ready(plan, run, RowTasks(Rows(x), LastDim(x)), reason);
}

int32_t PreparePlace(const tsr_kernel_call* call, tsr_kernel_plan* plan, char* reason) {
  if (!Fits(call, reason)) return 1;
  const tsr_operand& x = call->outputs[0];
  const tsr_kernel_run run = PickNumber(
      TypeOf(call->inputs[0]), []<class T>() -> tsr_kernel_run { return RunPlace<T>; });
  return Ready(plan, run, RowTasks(Rows(x), LastDim(x)), reason);
}

}  // namespace

void RegisterPickKernels(KernelSink& sink) {
  AddReference<"pick">(sink, PreparePick);
  AddReference<"place">(sink, PreparePlace);
}

}  // namespace tessera::cpu
