// DType: the element types that tensors store, and their conversions to text.
//
// Which types an op computes in is the op's business (ops/), which kernel does it is
// the kernel table's (kernels/). The numeric values are part of the kernel boundary
// (device/backend.h) and never change. Thread-safe: everything here is a pure function.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string_view>

namespace tessera {

enum class DType : uint8_t {
  kF64 = 1,
  kF32 = 2,
  kBF16 = 3,
  kF16 = 4,
  kI64 = 5,
  kI32 = 6,
  kI8 = 7,
  kU32 = 8,
  kU16 = 9,
  kU8 = 10,
  kBool = 11,
};

inline constexpr DType kAllDTypes[] = {
    DType::kF64, DType::kF32, DType::kBF16, DType::kF16, DType::kI64, DType::kI32,
    DType::kI8,  DType::kU32, DType::kU16,  DType::kU8,  DType::kBool};

// Bytes of one element.
constexpr size_t SizeOf(DType dtype) {
  switch (dtype) {
    case DType::kF64:
    case DType::kI64:
      return 8;
    case DType::kF32:
    case DType::kI32:
    case DType::kU32:
      return 4;
    case DType::kBF16:
    case DType::kF16:
    case DType::kU16:
      return 2;
    case DType::kI8:
    case DType::kU8:
    case DType::kBool:
      return 1;
  }
  return 0;
}

constexpr bool IsFloat(DType dtype) {
  return dtype == DType::kF64 || dtype == DType::kF32 || dtype == DType::kBF16 ||
         dtype == DType::kF16;
}

// Lower-case name as used in configs, texts of graphs and errors: "f32", "bf16", "i64", "bool".
std::string_view Name(DType dtype);

// The inverse of Name. Also accepts the long forms "float32", "bfloat16", "int64" and so on.
std::optional<DType> DTypeFromName(std::string_view name);

// bfloat16 is the upper half of a float32. Rounds to nearest, ties to even; NaN stays NaN (quiet).
inline uint16_t BF16FromFloat(float value) {
  uint32_t bits;
  std::memcpy(&bits, &value, sizeof(bits));
  if ((bits & 0x7fffffffu) > 0x7f800000u) return static_cast<uint16_t>((bits >> 16) | 0x40u);
  bits += 0x7fffu + ((bits >> 16) & 1u);
  return static_cast<uint16_t>(bits >> 16);
}

inline float FloatFromBF16(uint16_t half) {
  const uint32_t bits = static_cast<uint32_t>(half) << 16;
  float value;
  std::memcpy(&value, &bits, sizeof(value));
  return value;
}

// IEEE 754 binary16, round to nearest even, with subnormals and infinities.
uint16_t F16FromFloat(float value);
float FloatFromF16(uint16_t half);

}  // namespace tessera
