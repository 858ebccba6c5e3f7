#include "cpp/tensor/dtype.h"

namespace tessera {
namespace {

struct NameRow {
  DType dtype;
  std::string_view short_name;
  std::string_view long_name;
};

constexpr NameRow kNames[] = {
    {DType::kF64, "f64", "float64"},  {DType::kF32, "f32", "float32"},
    {DType::kBF16, "bf16", "bfloat16"}, {DType::kF16, "f16", "float16"},
    {DType::kI64, "i64", "int64"},    {DType::kI32, "i32", "int32"},
    {DType::kI8, "i8", "int8"},       {DType::kU32, "u32", "uint32"},
    {DType::kU16, "u16", "uint16"},   {DType::kU8, "u8", "uint8"},
    {DType::kBool, "bool", "boolean"},
};

}  // namespace

std::string_view Name(DType dtype) {
  for (const NameRow& row : kNames) {
    if (row.dtype == dtype) return row.short_name;
  }
  return "invalid";
}

std::optional<DType> DTypeFromName(std::string_view name) {
  for (const NameRow& row : kNames) {
    if (row.short_name == name || row.long_name == name) return row.dtype;
  }
  if (name == "fp64") return DType::kF64;
  if (name == "fp32") return DType::kF32;
  if (name == "fp16") return DType::kF16;
  return std::nullopt;
}

uint16_t F16FromFloat(float value) {
  uint32_t bits;
  std::memcpy(&bits, &value, sizeof(bits));
  const uint32_t sign = (bits >> 16) & 0x8000u;
  bits &= 0x7fffffffu;
  if (bits > 0x7f800000u) return static_cast<uint16_t>(sign | 0x7e00u);
  if (bits >= 0x477ff000u) return static_cast<uint16_t>(sign | 0x7c00u);  // rounds beyond 65504
  if (bits < 0x38800000u) {
    // Subnormal result: adding 0.5 lets the hardware round at the right bit.
    float magnitude;
    std::memcpy(&magnitude, &bits, sizeof(magnitude));
    magnitude += 0.5f;
    uint32_t rounded;
    std::memcpy(&rounded, &magnitude, sizeof(rounded));
    return static_cast<uint16_t>(sign | (rounded - 0x3f000000u));
  }
  bits += 0xfffu + ((bits >> 13) & 1u);
  return static_cast<uint16_t>(sign | ((bits - 0x38000000u) >> 13));
}

float FloatFromF16(uint16_t half) {
  const uint32_t sign = static_cast<uint32_t>(half & 0x8000u) << 16;
  const uint32_t exponent = (half >> 10) & 0x1fu;
  const uint32_t mantissa = half & 0x3ffu;
  uint32_t bits;
  if (exponent == 0x1f) {
    bits = sign | 0x7f800000u | (mantissa << 13);
  } else if (exponent != 0) {
    bits = sign | ((exponent + 112) << 23) | (mantissa << 13);
  } else {
    const float magnitude = static_cast<float>(mantissa) * 0x1p-24f;
    std::memcpy(&bits, &magnitude, sizeof(bits));
    bits |= sign;
  }
  float value;
  std::memcpy(&value, &bits, sizeof(value));
  return value;
}

}  // namespace tessera
