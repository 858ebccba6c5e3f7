// Glu: the activation attribute of glu and its gradient. Not an op itself. Thread-safe.
#pragma once

#include "cpp/ir/op_def.h"
#include "cpp/ops/internal/checks.h"

namespace tessera {

inline absl::Status CheckGlu(const OpUse& use) {
  return CheckChoice(use.attrs, "activation", {"relu", "gelu", "gelu_tanh", "silu", "sigmoid"});
}

}  // namespace tessera
