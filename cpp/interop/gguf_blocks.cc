#include "cpp/interop/gguf_blocks.h"

#include <cstring>

namespace tessera {
namespace {

constexpr size_t kBlock = 32;

constexpr GgufType kTypes[] = {
    {0, "F32", 1, 4, DType::kF32},         {1, "F16", 1, 2, DType::kF16},
    {2, "Q4_0", kBlock, 18, DType::kBF16}, {3, "Q4_1", kBlock, 20, DType::kBF16},
    {6, "Q5_0", kBlock, 22, DType::kBF16}, {7, "Q5_1", kBlock, 24, DType::kBF16},
    {8, "Q8_0", kBlock, 34, DType::kBF16}, {28, "F64", 1, 8, DType::kF64},
    {30, "BF16", 1, 2, DType::kBF16},
};

float HalfAt(const unsigned char* from) {
  uint16_t half;
  std::memcpy(&half, from, sizeof(half));
  return FloatFromF16(half);
}

// Low nibbles are the first half of the block, high ones the second; `high_bits` holds a fifth bit
// of each value, or is null.
void Nibbles(const unsigned char* from, const unsigned char* high_bits, int* q) {
  uint32_t fifth = 0;
  if (high_bits != nullptr) std::memcpy(&fifth, high_bits, sizeof(fifth));
  for (size_t i = 0; i < kBlock / 2; ++i) {
    q[i] = (from[i] & 0xF) | static_cast<int>((fifth >> i & 1) << 4);
    q[i + kBlock / 2] =
        (from[i] >> 4) | static_cast<int>((fifth >> (i + kBlock / 2) & 1) << 4);
  }
}

// d (q - zero) + m
void Block(uint32_t type, const unsigned char* from, float* x) {
  int q[kBlock];
  const float d = HalfAt(from);
  float m = 0;
  int zero = 0;
  switch (type) {
    case 2:
      Nibbles(from + 2, nullptr, q);
      zero = 8;
      break;
    case 3:
      m = HalfAt(from + 2);
      Nibbles(from + 4, nullptr, q);
      break;
    case 6:
      Nibbles(from + 6, from + 2, q);
      zero = 16;
      break;
    case 7:
      m = HalfAt(from + 2);
      Nibbles(from + 8, from + 4, q);
      break;
    default:
      for (size_t i = 0; i < kBlock; ++i) q[i] = static_cast<signed char>(from[2 + i]);
  }
  for (size_t i = 0; i < kBlock; ++i) x[i] = static_cast<float>(q[i] - zero) * d + m;
}

}  // namespace

const GgufType* FindGgufType(uint32_t number) {
  for (const GgufType& type : kTypes) {
    if (type.number == number) return &type;
  }
  return nullptr;
}

void DequantiseToBF16(const GgufType& type, const unsigned char* from, size_t blocks,
                      uint16_t* to) {
  float x[kBlock];
  for (size_t b = 0; b < blocks; ++b) {
    Block(type.number, from + b * static_cast<size_t>(type.block_bytes), x);
    for (size_t i = 0; i < kBlock; ++i) to[b * kBlock + i] = BF16FromFloat(x[i]);
  }
}

}  // namespace tessera
