// Activations and their slopes, one number at a time, in float or double.
//
// The reference for elementwise kernels; the vector forms are in vector/math-inl.h. Each struct has
// Value(x) and, where an op needs it, Slope(x) = dValue/dx. Thread-safe: pure functions.
#pragma once

#include <cmath>

namespace tessera::cpu {

struct Sigmoid {
  // Both branches keep the exponent at or below 0, so nothing overflows.
  template <class S>
  static S Value(S x) {
    if (x >= 0) return 1 / (1 + std::exp(-x));
    const S e = std::exp(x);
    return e / (1 + e);
  }
  template <class S>
  static S Slope(S x) {
    const S s = Value(x);
    return s * (1 - s);
  }
};

struct Relu {
  // A NaN is not below 0 and passes.
  template <class S>
  static S Value(S x) {
    return x < 0 ? S(0) : x;
  }
  template <class S>
  static S Slope(S x) {
    return x > 0 ? S(1) : S(0);
  }
};

struct Silu {
  template <class S>
  static S Value(S x) {
    return x * Sigmoid::Value(x);
  }
  template <class S>
  static S Slope(S x) {
    const S s = Sigmoid::Value(x);
    return s * (1 + x * (1 - s));
  }
};

// x P(X <= x) for a standard normal X. erfc keeps the small values of the left tail exact.
struct Gelu {
  template <class S>
  static S Value(S x) {
    return x * S(0.5) * std::erfc(x * S(-0.70710678118654752440));
  }
  template <class S>
  static S Slope(S x) {
    const S below = S(0.5) * std::erfc(x * S(-0.70710678118654752440));
    return below + x * S(0.39894228040143267794) * std::exp(S(-0.5) * x * x);
  }
};

// 0.5 x (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3))), as GPT-2 has it. 0.5 (1 + tanh u) is
// sigmoid(2u), which does not cancel on the left.
struct GeluTanh {
  template <class S>
  static S Inner(S x) {
    return S(2 * 0.79788456080286535588) * (x + S(0.044715) * x * x * x);
  }
  template <class S>
  static S Value(S x) {
    return x * Sigmoid::Value(Inner(x));
  }
  template <class S>
  static S Slope(S x) {
    const S s = Sigmoid::Value(Inner(x));
    // Far out s (1 - s) is 0 while the factor may overflow.
    const S bend = s * (1 - s);
    if (bend == 0) return s;
    return s + x * bend * S(2 * 0.79788456080286535588) * (1 + S(3 * 0.044715) * x * x);
  }
};

}  // namespace tessera::cpu
