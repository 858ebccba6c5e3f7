// Convert: one element from any storage type to any other, rounded once.
//
// Floats to integers go towards 0 and saturate, NaN gives 0; anything but 0 is a true bool;
// integers to narrower integers keep their low bits. Thread-safe: pure functions.
#pragma once

#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <type_traits>

#include "kernels/cpu/internal/call.h"

namespace tessera::cpu {

// The float next to x whose last bit says that something was cut off: rounding it again to a
// narrower float gives what rounding x once would give.
inline float RoundToOdd(double x) {
  float nearest = static_cast<float>(x);
  const double back = nearest;
  if (back == x || std::isnan(x) || std::isinf(nearest)) return nearest;
  uint32_t bits;
  std::memcpy(&bits, &nearest, sizeof(bits));
  if ((bits & 1u) == 0) bits += std::fabs(x) > std::fabs(back) ? 1u : -1u;
  std::memcpy(&nearest, &bits, sizeof(bits));
  return nearest;
}

template <class To, class From>
inline To SaturatingInteger(From x) {
  if (std::isnan(x)) return 0;
  constexpr From kLow = static_cast<From>(std::numeric_limits<To>::min());
  // The largest value may not be representable in From; one more is a power of two and is.
  const From high = std::ldexp(static_cast<From>(1), std::numeric_limits<To>::digits);
  if (x <= kLow) return std::numeric_limits<To>::min();
  if (x >= high) return std::numeric_limits<To>::max();
  return static_cast<To>(x);
}

// From and To are computing types (double, float, integers, bool) and storage types.
template <class To, class From>
inline void ConvertTo(From x, To* out) {
  using Wide = Compute<To>;
  if constexpr (std::is_same_v<To, Bool>) {
    out->byte = x != From{} ? 1 : 0;
  } else if constexpr (std::is_same_v<From, bool>) {
    Put<To>(static_cast<Wide>(x ? 1 : 0), out);
  } else if constexpr (std::is_same_v<To, BF16> || std::is_same_v<To, F16>) {
    if constexpr (std::is_same_v<From, float>) {
      Put<To>(x, out);
    } else {
      Put<To>(RoundToOdd(static_cast<double>(x)), out);
    }
  } else if constexpr (std::is_floating_point_v<From> && std::is_integral_v<To>) {
    *out = SaturatingInteger<To>(x);
  } else {
    *out = static_cast<To>(x);
  }
}

// The same for a dtype known at run time only; for results, not for inner loops over big tensors.
template <class From>
inline void ConvertTo(From x, DType dtype, void* base, int64_t index) {
  switch (dtype) {
    case DType::kF64:
      return ConvertTo(x, static_cast<double*>(base) + index);
    case DType::kF32:
      return ConvertTo(x, static_cast<float*>(base) + index);
    case DType::kBF16:
      return ConvertTo(x, static_cast<BF16*>(base) + index);
    case DType::kF16:
      return ConvertTo(x, static_cast<F16*>(base) + index);
    case DType::kI64:
      return ConvertTo(x, static_cast<int64_t*>(base) + index);
    case DType::kI32:
      return ConvertTo(x, static_cast<int32_t*>(base) + index);
    case DType::kI8:
      return ConvertTo(x, static_cast<int8_t*>(base) + index);
    case DType::kU32:
      return ConvertTo(x, static_cast<uint32_t*>(base) + index);
    case DType::kU16:
      return ConvertTo(x, static_cast<uint16_t*>(base) + index);
    case DType::kU8:
      return ConvertTo(x, static_cast<uint8_t*>(base) + index);
    case DType::kBool:
      return ConvertTo(x, static_cast<Bool*>(base) + index);
  }
}

// Integer arithmetic modulo 2^bits, without the undefined overflow of signed types.
template <class T>
inline T WrapAdd(T a, T b) {
  return static_cast<T>(static_cast<uint64_t>(a) + static_cast<uint64_t>(b));
}
template <class T>
inline T WrapSub(T a, T b) {
  return static_cast<T>(static_cast<uint64_t>(a) - static_cast<uint64_t>(b));
}
template <class T>
inline T WrapMul(T a, T b) {
  return static_cast<T>(static_cast<uint64_t>(a) * static_cast<uint64_t>(b));
}

}  // namespace tessera::cpu
