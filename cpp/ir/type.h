// ValueType: dtype and symbolic dims of a graph value, and typed tensors made from it.
#pragma once

#include <string>

#include "cpp/ir/dim.h"
#include "cpp/tensor/dtype.h"

namespace tessera {

struct ValueType {
  DType dtype = DType::kF32;
  Dims dims;

  bool operator==(const ValueType& other) const = default;
  // "bf16[B,T,512]"
  std::string ToText() const { return std::string(Name(dtype)) + tessera::ToText(dims); }
};

}  // namespace tessera
