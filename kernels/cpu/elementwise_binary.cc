// z = f(x, y), broadcast: add sub mul div maximum minimum pow mod.
//
// Floats are computed in fp32 (fp64 for f64) and rounded once. Integers wrap; div rounds down and
// mod has the sign of the divisor, as in Python; both give 0 where the divisor is 0.
#include <cmath>

#include "kernels/cpu/internal/broadcast.h"
#include "kernels/cpu/internal/call.h"
#include "kernels/cpu/internal/convert.h"
#include "kernels/cpu/vector/elementwise.h"

namespace tessera::cpu {
namespace {

template <class Op, class T>
void RunBinary(const tsr_kernel_call* call, const tsr_kernel_plan*, int32_t, int64_t task) {
  const BroadcastWalk<2> walk(call);
  const int64_t x_stride = walk.run_stride(0), y_stride = walk.run_stride(1);
  walk.ForRuns(ElementsOf(task, Count(call->outputs[0])),
               [&](int64_t begin, int64_t count, const int64_t* offsets) {
                 const T* x = In<T>(call, 0) + offsets[0];
                 const T* y = In<T>(call, 1) + offsets[1];
                 T* z = Out<T>(call, 0) + begin;
                 for (int64_t i = 0; i < count; ++i) {
                   Put<T>(Op::Value(Get(x[i * x_stride]), Get(y[i * y_stride])), &z[i]);
                 }
               });
}

template <class Op>
int32_t Prepare(const tsr_kernel_call* call, tsr_kernel_plan* plan, char* reason) {
  if (!HasOperands(call, 2, 1, reason)) return 1;
  const tsr_kernel_run run = PickNumber(
      TypeOf(call->inputs[0]), []<class T>() -> tsr_kernel_run { return RunBinary<Op, T>; });
  return Ready(plan, run, ElementTasks(Count(call->outputs[0])), reason);
}

struct Add {
  template <class S>
  static S Value(S x, S y) {
    if constexpr (std::is_integral_v<S>) return WrapAdd(x, y);
    return x + y;
  }
};
struct Sub {
  template <class S>
  static S Value(S x, S y) {
    if constexpr (std::is_integral_v<S>) return WrapSub(x, y);
    return x - y;
  }
};
struct Mul {
  template <class S>
  static S Value(S x, S y) {
    if constexpr (std::is_integral_v<S>) return WrapMul(x, y);
    return x * y;
  }
};

// Remainder with the sign of the divisor.
struct Mod {
  template <class S>
  static S Value(S x, S y) {
    if constexpr (std::is_floating_point_v<S>) {
      const S rest = std::fmod(x, y);
      return rest != 0 && (rest < 0) != (y < 0) ? rest + y : rest;
    } else if constexpr (std::is_unsigned_v<S>) {
      return y == 0 ? S(0) : static_cast<S>(x % y);
    } else {
      if (y == 0 || y == -1) return S(0);
      const S rest = static_cast<S>(x % y);
      return rest != 0 && (rest < 0) != (y < 0) ? static_cast<S>(rest + y) : rest;
    }
  }
};
struct Div {
  template <class S>
  static S Value(S x, S y) {
    if constexpr (std::is_floating_point_v<S>) {
      return x / y;
    } else if constexpr (std::is_unsigned_v<S>) {
      return y == 0 ? S(0) : static_cast<S>(x / y);
    } else {
      if (y == 0) return S(0);
      if (y == -1) return WrapSub(S(0), x);  // the lowest integer has no opposite
      return static_cast<S>(x / y - (x % y != 0 && (x < 0) != (y < 0) ? 1 : 0));
    }
  }
};

// NaN if either is.
struct Maximum {
  template <class S>
  static S Value(S x, S y) {
    return x > y || x != x ? x : y;
  }
};
struct Minimum {
  template <class S>
  static S Value(S x, S y) {
    return x < y || x != x ? x : y;
  }
};

// Whole numbers by repeated squaring; a negative exponent gives the fraction cut off: 0, or 1 and
// -1 for bases of size 1.
struct Pow {
  template <class S>
  static S Value(S x, S y) {
    if constexpr (std::is_floating_point_v<S>) {
      return std::pow(x, y);
    } else {
      if constexpr (!std::is_unsigned_v<S>) {
        if (y < 0) {
          if (x == 1) return S(1);
          if (x == -1) return y % 2 == 0 ? S(1) : S(-1);
          return S(0);
        }
      }
      S result = 1;
      for (S base = x, left = y; left != 0; left = static_cast<S>(left / 2)) {
        if (left % 2 != 0) result = WrapMul(result, base);
        base = WrapMul(base, base);
      }
      return result;
    }
  }
};

}  // namespace

void RegisterElementwiseBinaryKernels(KernelSink& sink) {
  AddVector<"add">(sink, vector::PrepareAdd, kInPlace01);
  AddVector<"sub">(sink, vector::PrepareSub, kInPlace01);
  AddVector<"mul">(sink, vector::PrepareMul, kInPlace01);
  AddVector<"div">(sink, vector::PrepareDiv, kInPlace01);
  AddReference<"add">(sink, Prepare<Add>, kInPlace01);
  AddReference<"sub">(sink, Prepare<Sub>, kInPlace01);
  AddReference<"mul">(sink, Prepare<Mul>, kInPlace01);
  AddReference<"div">(sink, Prepare<Div>, kInPlace01);
  AddReference<"maximum">(sink, Prepare<Maximum>, kInPlace01);
  AddReference<"minimum">(sink, Prepare<Minimum>, kInPlace01);
  AddReference<"pow">(sink, Prepare<Pow>, kInPlace01);
  AddReference<"mod">(sink, Prepare<Mod>, kInPlace01);
}

}  // namespace tessera::cpu
