// Comparisons to bool and logic of bools, broadcast: equal not_equal less less_equal greater
// greater_equal, logical_and logical_or logical_xor. With NaN only not_equal is true.
#include "kernels/cpu/internal/broadcast.h"
#include "kernels/cpu/internal/call.h"

namespace tessera::cpu {
namespace {

template <class Op, class T>
void RunCompare(const tsr_kernel_call* call, const tsr_kernel_plan*, int32_t, int64_t task) {
  const BroadcastWalk<2> walk(call);
  const int64_t x_stride = walk.run_stride(0), y_stride = walk.run_stride(1);
  walk.ForRuns(ElementsOf(task, Count(call->outputs[0])),
               [&](int64_t begin, int64_t count, const int64_t* offsets) {
                 const T* x = In<T>(call, 0) + offsets[0];
                 const T* y = In<T>(call, 1) + offsets[1];
                 Bool* z = Out<Bool>(call, 0) + begin;
                 for (int64_t i = 0; i < count; ++i) {
                   Put<Bool>(Op::Value(Get(x[i * x_stride]), Get(y[i * y_stride])), &z[i]);
                 }
               });
}

template <class Op>
int32_t Prepare(const tsr_kernel_call* call, tsr_kernel_plan* plan, char* reason) {
  if (!HasOperands(call, 2, 1, reason)) return 1;
  const tsr_kernel_run run = PickAny(
      TypeOf(call->inputs[0]), []<class T>() -> tsr_kernel_run { return RunCompare<Op, T>; });
  return Ready(plan, run, ElementTasks(Count(call->outputs[0])), reason);
}

template <class Op>
int32_t PrepareLogic(const tsr_kernel_call* call, tsr_kernel_plan* plan, char* reason) {
  if (!HasOperands(call, 2, 1, reason)) return 1;
  const bool is_bool = TypeOf(call->inputs[0]) == DType::kBool;
  return Ready(plan, is_bool ? RunCompare<Op, Bool> : nullptr,
               ElementTasks(Count(call->outputs[0])), reason);
}

#define TESSERA_COMPARE(NAME, FORMULA) \
  struct NAME {                        \
    template <class S>                 \
    static bool Value(S x, S y) {      \
      return FORMULA;                  \
    }                                  \
  };
TESSERA_COMPARE(Equal, x == y)
TESSERA_COMPARE(NotEqual, x != y)
TESSERA_COMPARE(Less, x < y)
TESSERA_COMPARE(LessEqual, x <= y)
TESSERA_COMPARE(Greater, x > y)
TESSERA_COMPARE(GreaterEqual, x >= y)
TESSERA_COMPARE(And, x && y)
TESSERA_COMPARE(Or, x || y)
TESSERA_COMPARE(Xor, x != y)
#undef TESSERA_COMPARE

}  // namespace

void RegisterCompareKernels(KernelSink& sink) {
  AddReference<"equal">(sink, Prepare<Equal>);
  AddReference<"not_equal">(sink, Prepare<NotEqual>);
  AddReference<"less">(sink, Prepare<Less>);
  AddReference<"less_equal">(sink, Prepare<LessEqual>);
  AddReference<"greater">(sink, Prepare<Greater>);
  AddReference<"greater_equal">(sink, Prepare<GreaterEqual>);
  AddReference<"logical_and">(sink, PrepareLogic<And>, kInPlace01);
  AddReference<"logical_or">(sink, PrepareLogic<Or>, kInPlace01);
  AddReference<"logical_xor">(sink, PrepareLogic<Xor>, kInPlace01);
}

}  // namespace tessera::cpu
