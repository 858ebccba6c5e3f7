#include "kernels/cpu/vector/elementwise.h"

#include <string_view>
#include <type_traits>

#include "kernels/cpu/internal/broadcast.h"
#include "kernels/cpu/internal/call.h"
#include "kernels/cpu/internal/targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/cpu/vector/elementwise.cc"
#include "hwy/foreach_target.h"  // IWYU pragma: keep
#include "hwy/highway.h"
#include "kernels/cpu/vector/math-inl.h"

HWY_BEFORE_NAMESPACE();
namespace tessera::cpu::vector::HWY_NAMESPACE {

template <class Act, class T>
void RunValue(const tsr_kernel_call* call, const tsr_kernel_plan*, int32_t, int64_t task) {
  const TagOf<T> d;
  const Range range = ElementsOf(task, Count(call->outputs[0]));
  const T* x = In<T>(call, 0) + range.begin;
  T* y = Out<T>(call, 0) + range.begin;
  MapVectors(d, range.size(), y, [=](int64_t i, auto access) HWY_ATTR {
    return Act::Value(d, access.In(d, x + i));
  });
}

template <class Act, class T>
void RunSlope(const tsr_kernel_call* call, const tsr_kernel_plan*, int32_t, int64_t task) {
  const TagOf<T> d;
  const Range range = ElementsOf(task, Count(call->outputs[0]));
  const T* x = In<T>(call, 0) + range.begin;
  const T* dy = In<T>(call, 1) + range.begin;
  T* dx = Out<T>(call, 0) + range.begin;
  MapVectors(d, range.size(), dx, [=](int64_t i, auto access) HWY_ATTR {
    auto value = hn::Zero(d);
    const auto slope = Act::Slope(d, access.In(d, x + i), &value);
    const auto by = access.In(d, dy + i);
    if constexpr (std::is_same_v<Act, VecRelu>) {
      // A mask, not a product: 0 even where dy is infinite.
      return hn::IfThenElseZero(hn::Gt(slope, hn::Zero(d)), by);
    } else {
      return hn::Mul(slope, by);
    }
  });
}

template <class Act, class T>
void RunGlu(const tsr_kernel_call* call, const tsr_kernel_plan*, int32_t, int64_t task) {
  const TagOf<T> d;
  const Range range = ElementsOf(task, Count(call->outputs[0]));
  const T* gate = In<T>(call, 0) + range.begin;
  const T* up = In<T>(call, 1) + range.begin;
  T* y = Out<T>(call, 0) + range.begin;
  MapVectors(d, range.size(), y, [=](int64_t i, auto access) HWY_ATTR {
    return hn::Mul(Act::Value(d, access.In(d, gate + i)), access.In(d, up + i));
  });
}

template <class Act, class T>
void RunGluGrad(const tsr_kernel_call* call, const tsr_kernel_plan*, int32_t, int64_t task) {
  const TagOf<T> d;
  const Range range = ElementsOf(task, Count(call->outputs[0]));
  const T* gate = In<T>(call, 0) + range.begin;
  const T* up = In<T>(call, 1) + range.begin;
  const T* dy = In<T>(call, 2) + range.begin;
  T* dgate = Out<T>(call, 0) + range.begin;
  T* dup = Out<T>(call, 1) + range.begin;
  MapVectors(d, range.size(), dgate, dup, [=](int64_t i, auto access) HWY_ATTR {
    auto value = hn::Zero(d);
    const auto slope = Act::Slope(d, access.In(d, gate + i), &value);
    const auto by = access.In(d, dy + i);
    const auto factor = access.In(d, up + i);
    return Both<Vec<decltype(d)>>{hn::Mul(hn::Mul(by, factor), slope), hn::Mul(by, value)};
  });
}

struct VecAdd {
  template <class V>
  static HWY_INLINE V Of(V x, V y) {
    return hn::Add(x, y);
  }
};
struct VecSub {
  template <class V>
  static HWY_INLINE V Of(V x, V y) {
    return hn::Sub(x, y);
  }
};
struct VecMul {
  template <class V>
  static HWY_INLINE V Of(V x, V y) {
    return hn::Mul(x, y);
  }
};
struct VecDiv {
  template <class V>
  static HWY_INLINE V Of(V x, V y) {
    return hn::Div(x, y);
  }
};

// One run in which an operand moves along or is one number.
template <class Op, class T>
HWY_INLINE void BinaryRun(const T* x, bool x_moves, const T* y, bool y_moves, T* z, int64_t n) {
  const TagOf<T> d;
  if (x_moves && y_moves) {
    MapVectors(d, n, z, [=](int64_t i, auto access) HWY_ATTR {
      return Op::Of(access.In(d, x + i), access.In(d, y + i));
    });
  } else if (x_moves) {
    const auto right = hn::Set(d, Get(*y));
    MapVectors(d, n, z, [=](int64_t i, auto access) HWY_ATTR {
      return Op::Of(access.In(d, x + i), right);
    });
  } else if (y_moves) {
    const auto left = hn::Set(d, Get(*x));
    MapVectors(d, n, z, [=](int64_t i, auto access) HWY_ATTR {
      return Op::Of(left, access.In(d, y + i));
    });
  } else {
    const auto value = Op::Of(hn::Set(d, Get(*x)), hn::Set(d, Get(*y)));
    MapVectors(d, n, z, [=](int64_t, auto) HWY_ATTR { return value; });
  }
}

template <class Op, class T>
void RunBinary(const tsr_kernel_call* call, const tsr_kernel_plan*, int32_t, int64_t task) {
  const BroadcastWalk<2> walk(call);
  const bool x_moves = walk.run_stride(0) != 0, y_moves = walk.run_stride(1) != 0;
  walk.ForRuns(ElementsOf(task, Count(call->outputs[0])),
               [=](int64_t begin, int64_t count, const int64_t* offsets) HWY_ATTR {
                 BinaryRun<Op, T>(In<T>(call, 0) + offsets[0], x_moves,
                                  In<T>(call, 1) + offsets[1], y_moves,
                                  Out<T>(call, 0) + begin, count);
               });
}

template <class T>
void RunAddN(const tsr_kernel_call* call, const tsr_kernel_plan*, int32_t, int64_t task) {
  const TagOf<T> d;
  const Range range = ElementsOf(task, Count(call->outputs[0]));
  T* y = Out<T>(call, 0) + range.begin;
  MapVectors(d, range.size(), y, [=](int64_t i, auto access) HWY_ATTR {
    auto sum = access.In(d, In<T>(call, 0) + range.begin + i);
    for (int k = 1; k < call->input_count; ++k) {
      sum = hn::Add(sum, access.In(d, In<T>(call, k) + range.begin + i));
    }
    return sum;
  });
}

template <class From, class To>
void RunCast(const tsr_kernel_call* call, const tsr_kernel_plan*, int32_t, int64_t task) {
  const hn::ScalableTag<float> d;
  const Range range = ElementsOf(task, Count(call->outputs[0]));
  const From* x = In<From>(call, 0) + range.begin;
  To* y = Out<To>(call, 0) + range.begin;
  ForVectors(d, range.size(), [=](int64_t i, auto access) HWY_ATTR {
    access.Out(d, access.In(d, x + i), y + i);
  });
}

template <class F>
tsr_kernel_run ShortFloat(DType dtype, F f) {
  if (dtype == DType::kF32) return f.template operator()<float>();
  if (dtype == DType::kBF16) return f.template operator()<BF16>();
  return nullptr;
}

template <class Act>
tsr_kernel_run PickAct(ActUse use, DType dtype) {
  return ShortFloat(dtype, [use]<class T>() -> tsr_kernel_run {
    switch (use) {
      case ActUse::kValue:
        return RunValue<Act, T>;
      case ActUse::kSlope:
        return RunSlope<Act, T>;
      case ActUse::kGlu:
        return RunGlu<Act, T>;
      case ActUse::kGluGrad:
        return RunGluGrad<Act, T>;
    }
    return nullptr;
  });
}

tsr_kernel_run PickActivation(ActUse use, std::string_view name, DType dtype) {
  if (name == "relu") return PickAct<VecRelu>(use, dtype);
  if (name == "silu") return PickAct<VecSilu>(use, dtype);
  if (name == "gelu") return PickAct<VecGelu>(use, dtype);
  if (name == "gelu_tanh") return PickAct<VecGeluTanh>(use, dtype);
  if (name == "sigmoid") return PickAct<VecSigmoid>(use, dtype);
  return nullptr;
}

template <class Op>
tsr_kernel_run PickOp(DType dtype) {
  if (dtype == DType::kF64) return RunBinary<Op, double>;
  return ShortFloat(dtype, []<class T>() -> tsr_kernel_run { return RunBinary<Op, T>; });
}

tsr_kernel_run PickArithmetic(Arithmetic op, DType dtype) {
  switch (op) {
    case Arithmetic::kAdd:
      return PickOp<VecAdd>(dtype);
    case Arithmetic::kSub:
      return PickOp<VecSub>(dtype);
    case Arithmetic::kMul:
      return PickOp<VecMul>(dtype);
    case Arithmetic::kDiv:
      return PickOp<VecDiv>(dtype);
    case Arithmetic::kAddN:
      if (dtype == DType::kF64) return RunAddN<double>;
      return ShortFloat(dtype, []<class T>() -> tsr_kernel_run { return RunAddN<T>; });
  }
  return nullptr;
}

tsr_kernel_run PickCast(DType from, DType to) {
  if (from == DType::kF32 && to == DType::kBF16) return RunCast<float, BF16>;
  if (from == DType::kBF16 && to == DType::kF32) return RunCast<BF16, float>;
  return nullptr;
}

}  // namespace tessera::cpu::vector::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace tessera::cpu::vector {
namespace {

HWY_EXPORT(PickActivation);
HWY_EXPORT(PickArithmetic);
HWY_EXPORT(PickCast);

int32_t PrepareAct(const tsr_kernel_call* call, tsr_kernel_plan* plan, ActUse use,
                   std::string_view name, int inputs, int outputs, char* reason) {
  if (!HasOperands(call, inputs, outputs, reason)) return 1;
  const tsr_kernel_run run =
      TESSERA_FOR_CALL(PickActivation, call)(use, name, TypeOf(call->inputs[0]));
  return Ready(plan, run, ElementTasks(Count(call->outputs[0])), reason);
}

int32_t PrepareArithmetic(const tsr_kernel_call* call, tsr_kernel_plan* plan, Arithmetic op,
                          char* reason) {
  const DType dtype = TypeOf(call->inputs[0]);
  if (TypeOf(call->outputs[0]) != dtype) return Decline(reason, "operands and result differ");
  const tsr_kernel_run run = TESSERA_FOR_CALL(PickArithmetic, call)(op, dtype);
  return Ready(plan, run, ElementTasks(Count(call->outputs[0])), reason);
}

std::string_view GeluName(const tsr_kernel_call* call) {
  return BoolAttr(call, "tanh") ? "gelu_tanh" : "gelu";
}

}  // namespace

int32_t PrepareRelu(const tsr_kernel_call* call, tsr_kernel_plan* plan, char* reason) {
  return PrepareAct(call, plan, ActUse::kValue, "relu", 1, 1, reason);
}
int32_t PrepareSilu(const tsr_kernel_call* call, tsr_kernel_plan* plan, char* reason) {
  return PrepareAct(call, plan, ActUse::kValue, "silu", 1, 1, reason);
}
int32_t PrepareGelu(const tsr_kernel_call* call, tsr_kernel_plan* plan, char* reason) {
  return PrepareAct(call, plan, ActUse::kValue, GeluName(call), 1, 1, reason);
}
int32_t PrepareReluGrad(const tsr_kernel_call* call, tsr_kernel_plan* plan, char* reason) {
  return PrepareAct(call, plan, ActUse::kSlope, "relu", 2, 1, reason);
}
int32_t PrepareSiluGrad(const tsr_kernel_call* call, tsr_kernel_plan* plan, char* reason) {
  return PrepareAct(call, plan, ActUse::kSlope, "silu", 2, 1, reason);
}
int32_t PrepareGeluGrad(const tsr_kernel_call* call, tsr_kernel_plan* plan, char* reason) {
  return PrepareAct(call, plan, ActUse::kSlope, GeluName(call), 2, 1, reason);
}
int32_t PrepareGlu(const tsr_kernel_call* call, tsr_kernel_plan* plan, char* reason) {
  return PrepareAct(call, plan, ActUse::kGlu, TextAttr(call, "activation"), 2, 1, reason);
}
int32_t PrepareGluGrad(const tsr_kernel_call* call, tsr_kernel_plan* plan, char* reason) {
  return PrepareAct(call, plan, ActUse::kGluGrad, TextAttr(call, "activation"), 3, 2, reason);
}

int32_t PrepareAdd(const tsr_kernel_call* call, tsr_kernel_plan* plan, char* reason) {
  if (!HasOperands(call, 2, 1, reason)) return 1;
  return PrepareArithmetic(call, plan, Arithmetic::kAdd, reason);
}
int32_t PrepareSub(const tsr_kernel_call* call, tsr_kernel_plan* plan, char* reason) {
  if (!HasOperands(call, 2, 1, reason)) return 1;
  return PrepareArithmetic(call, plan, Arithmetic::kSub, reason);
}
int32_t PrepareMul(const tsr_kernel_call* call, tsr_kernel_plan* plan, char* reason) {
  if (!HasOperands(call, 2, 1, reason)) return 1;
  return PrepareArithmetic(call, plan, Arithmetic::kMul, reason);
}
int32_t PrepareDiv(const tsr_kernel_call* call, tsr_kernel_plan* plan, char* reason) {
  if (!HasOperands(call, 2, 1, reason)) return 1;
  return PrepareArithmetic(call, plan, Arithmetic::kDiv, reason);
}
int32_t PrepareAddN(const tsr_kernel_call* call, tsr_kernel_plan* plan, char* reason) {
  if (call->input_count < 1) return Decline(reason, "expected at least one operand");
  return PrepareArithmetic(call, plan, Arithmetic::kAddN, reason);
}

int32_t PrepareCast(const tsr_kernel_call* call, tsr_kernel_plan* plan, char* reason) {
  if (!HasOperands(call, 1, 1, reason)) return 1;
  const tsr_kernel_run run = TESSERA_FOR_CALL(PickCast, call)(TypeOf(call->inputs[0]),
                                                              TypeOf(call->outputs[0]));
  return Ready(plan, run, ElementTasks(Count(call->outputs[0])), reason);
}

}  // namespace tessera::cpu::vector
#endif  // HWY_ONCE
