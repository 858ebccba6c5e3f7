// ScatterRows: the gradient of ops that pick elements of each row. Not an op itself. Thread-safe.
#pragma once

#include "cpp/ir/gradient_context.h"

namespace tessera {

// Zeros like operand 0, [..., D], with dy[..., k] added at indices[..., k] of each row.
ValueId ScatterRows(GradientContext& context, ValueId indices, ValueId dy);

}  // namespace tessera
