// y = x0 + x1 + ... of equal dims, summed in order in fp32 (fp64 for f64) and rounded once.
#include "kernels/cpu/internal/call.h"
#include "kernels/cpu/internal/convert.h"
#include "kernels/cpu/vector/elementwise.h"

namespace tessera::cpu {
namespace {

template <class T>
void RunAddN(const tsr_kernel_call* call, const tsr_kernel_plan*, int32_t, int64_t task) {
  const Range range = ElementsOf(task, Count(call->outputs[0]));
  const DType out = TypeOf(call->outputs[0]);
  for (int64_t i = range.begin; i < range.end; ++i) {
    Compute<T> sum = Get(In<T>(call, 0)[i]);
    for (int k = 1; k < call->input_count; ++k) {
      if constexpr (std::is_integral_v<T>) {
        sum = WrapAdd(sum, In<T>(call, k)[i]);
      } else {
        sum += Get(In<T>(call, k)[i]);
      }
    }
    ConvertTo(sum, out, call->outputs[0].data, i);
  }
}

int32_t Prepare(const tsr_kernel_call* call, tsr_kernel_plan* plan, char* reason) {
  if (call->input_count < 1) return Decline(reason, "expected at least one operand");
  const tsr_kernel_run run = PickNumber(TypeOf(call->inputs[0]),
                                        []<class T>() -> tsr_kernel_run { return RunAddN<T>; });
  return Ready(plan, run, ElementTasks(Count(call->outputs[0])), reason);
}

}  // namespace

void RegisterAddNKernels(KernelSink& sink) {
  AddVector<"add_n">(sink, vector::PrepareAddN, kInPlace012);
  AddReference<"add_n">(sink, Prepare, kInPlace012);
}

}  // namespace tessera::cpu
