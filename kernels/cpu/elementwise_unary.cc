// y = f(x), one element at a time: neg abs exp log log1p expm1 sqrt rsqrt reciprocal square sin
// cos tanh erf sigmoid relu silu gelu softplus sign floor ceil round, is_finite, logical_not.
//
// The reference computes in fp32 (fp64 for f64) with the C library's functions and rounds once;
// neg, abs, square and sign also take integers, modulo 2^bits.
#include <cmath>

#include "kernels/cpu/internal/call.h"
#include "kernels/cpu/internal/convert.h"
#include "kernels/cpu/internal/scalar_math.h"
#include "kernels/cpu/vector/elementwise.h"

namespace tessera::cpu {
namespace {

template <class Op, class T>
void RunUnary(const tsr_kernel_call* call, const tsr_kernel_plan*, int32_t, int64_t task) {
  const T* x = In<T>(call, 0);
  T* y = Out<T>(call, 0);
  const Range range = ElementsOf(task, Count(call->outputs[0]));
  for (int64_t i = range.begin; i < range.end; ++i) Put<T>(Op::Value(Get(x[i])), &y[i]);
}

template <class Op>
int32_t PrepareFloat(const tsr_kernel_call* call, tsr_kernel_plan* plan, char* reason) {
  if (!HasOperands(call, 1, 1, reason)) return 1;
  const tsr_kernel_run run = PickFloat(TypeOf(call->inputs[0]),
                                       []<class T>() -> tsr_kernel_run { return RunUnary<Op, T>; });
  return Ready(plan, run, ElementTasks(Count(call->outputs[0])), reason);
}

template <class Op>
int32_t PrepareNumber(const tsr_kernel_call* call, tsr_kernel_plan* plan, char* reason) {
  if (!HasOperands(call, 1, 1, reason)) return 1;
  const tsr_kernel_run run = PickNumber(
      TypeOf(call->inputs[0]), []<class T>() -> tsr_kernel_run { return RunUnary<Op, T>; });
  return Ready(plan, run, ElementTasks(Count(call->outputs[0])), reason);
}

struct Neg {
  template <class S>
  static S Value(S x) {
    if constexpr (std::is_integral_v<S>) return WrapSub(S(0), x);
    return -x;
  }
};
struct Abs {
  template <class S>
  static S Value(S x) {
    if constexpr (std::is_unsigned_v<S>) {
      return x;
    } else if constexpr (std::is_integral_v<S>) {
      return x < 0 ? WrapSub(S(0), x) : x;
    } else {
      return std::fabs(x);
    }
  }
};
struct Square {
  template <class S>
  static S Value(S x) {
    if constexpr (std::is_integral_v<S>) return WrapMul(x, x);
    return x * x;
  }
};
struct Sign {
  template <class S>
  static S Value(S x) {
    if (x > 0) return S(1);
    if constexpr (!std::is_unsigned_v<S>) {
      if (x < 0) return S(-1);
    }
    return x;  // 0 or NaN
  }
};
struct Softplus {
  template <class S>
  static S Value(S x) {
    return x > 0 ? x + std::log1p(std::exp(-x)) : std::log1p(std::exp(x));
  }
};

// A function of the C library, or a formula of one line.
#define TESSERA_UNARY(NAME, FORMULA) \
  struct NAME {                      \
    template <class S>               \
    static S Value(S x) {            \
      return FORMULA;                \
    }                                \
  };
TESSERA_UNARY(Exp, std::exp(x))
TESSERA_UNARY(Log, std::log(x))
TESSERA_UNARY(Log1p, std::log1p(x))
TESSERA_UNARY(Expm1, std::expm1(x))
TESSERA_UNARY(Sqrt, std::sqrt(x))
TESSERA_UNARY(Rsqrt, 1 / std::sqrt(x))
TESSERA_UNARY(Reciprocal, 1 / x)
TESSERA_UNARY(Sin, std::sin(x))
TESSERA_UNARY(Cos, std::cos(x))
TESSERA_UNARY(Tanh, std::tanh(x))
TESSERA_UNARY(Erf, std::erf(x))
TESSERA_UNARY(Floor, std::floor(x))
TESSERA_UNARY(Ceil, std::ceil(x))
TESSERA_UNARY(Round, std::nearbyint(x))
#undef TESSERA_UNARY

int32_t PrepareGelu(const tsr_kernel_call* call, tsr_kernel_plan* plan, char* reason) {
  return BoolAttr(call, "tanh") ? PrepareFloat<GeluTanh>(call, plan, reason)
                                : PrepareFloat<Gelu>(call, plan, reason);
}

template <class T>
void RunIsFinite(const tsr_kernel_call* call, const tsr_kernel_plan*, int32_t, int64_t task) {
  const T* x = In<T>(call, 0);
  Bool* y = Out<Bool>(call, 0);
  const Range range = ElementsOf(task, Count(call->outputs[0]));
  for (int64_t i = range.begin; i < range.end; ++i) Put<Bool>(std::isfinite(Get(x[i])), &y[i]);
}

int32_t PrepareIsFinite(const tsr_kernel_call* call, tsr_kernel_plan* plan, char* reason) {
  if (!HasOperands(call, 1, 1, reason)) return 1;
  const tsr_kernel_run run = PickFloat(TypeOf(call->inputs[0]),
                                       []<class T>() -> tsr_kernel_run { return RunIsFinite<T>; });
  return Ready(plan, run, ElementTasks(Count(call->outputs[0])), reason);
}

struct Not {
  static bool Value(bool x) { return !x; }
};

int32_t PrepareNot(const tsr_kernel_call* call, tsr_kernel_plan* plan, char* reason) {
  if (!HasOperands(call, 1, 1, reason)) return 1;
  const bool is_bool = TypeOf(call->inputs[0]) == DType::kBool;
  return Ready(plan, is_bool ? RunUnary<Not, Bool> : nullptr,
               ElementTasks(Count(call->outputs[0])), reason);
}

template <OpName Name, class Op>
void AddFloat(KernelSink& sink) {
  AddReference<Name>(sink, PrepareFloat<Op>, kInPlace0);
}

}  // namespace

void RegisterElementwiseUnaryKernels(KernelSink& sink) {
  AddVector<"relu">(sink, vector::PrepareRelu, kInPlace0);
  AddVector<"silu">(sink, vector::PrepareSilu, kInPlace0, 2);
  AddVector<"gelu">(sink, vector::PrepareGelu, kInPlace0, 2);
  AddReference<"neg">(sink, PrepareNumber<Neg>, kInPlace0);
  AddReference<"abs">(sink, PrepareNumber<Abs>, kInPlace0);
  AddReference<"square">(sink, PrepareNumber<Square>, kInPlace0);
  AddReference<"sign">(sink, PrepareNumber<Sign>, kInPlace0);
  AddFloat<"exp", Exp>(sink);
  AddFloat<"log", Log>(sink);
  AddFloat<"log1p", Log1p>(sink);
  AddFloat<"expm1", Expm1>(sink);
  AddFloat<"sqrt", Sqrt>(sink);
  AddFloat<"rsqrt", Rsqrt>(sink);
  AddFloat<"reciprocal", Reciprocal>(sink);
  AddFloat<"sin", Sin>(sink);
  AddFloat<"cos", Cos>(sink);
  AddFloat<"tanh", Tanh>(sink);
  AddFloat<"erf", Erf>(sink);
  AddFloat<"sigmoid", Sigmoid>(sink);
  AddFloat<"relu", Relu>(sink);
  AddFloat<"silu", Silu>(sink);
  AddFloat<"softplus", Softplus>(sink);
  AddFloat<"floor", Floor>(sink);
  AddFloat<"ceil", Ceil>(sink);
  AddFloat<"round", Round>(sink);
  AddReference<"gelu">(sink, PrepareGelu, kInPlace0);
  AddReference<"is_finite">(sink, PrepareIsFinite);
  AddReference<"logical_not">(sink, PrepareNot, kInPlace0);
}

}  // namespace tessera::cpu
