// The element types of GGUF files: sizes, and quantised blocks to bf16.
//
// Formulas are those of ggml's reference functions (dequantize_row_*): a block of 32 values has a
// scale d, some a minimum m, and small integers q.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "cpp/tensor/dtype.h"

namespace tessera {

struct GgufType {
  uint32_t number = 0;
  std::string_view name;
  int64_t block = 1;       // values in a block
  int64_t block_bytes = 0;
  DType dtype = DType::kBF16;  // as it is read
};

// Null for a type that is not read here.
const GgufType* FindGgufType(uint32_t number);

// `blocks` blocks of a quantised type to bf16. REQUIRES: type.block is more than 1.
void DequantiseToBF16(const GgufType& type, const unsigned char* from, size_t blocks,
                      uint16_t* to);

}  // namespace tessera
