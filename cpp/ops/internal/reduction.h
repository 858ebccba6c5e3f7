// Reduction: what the reduce_* ops share. Not an op itself. Thread-safe: pure functions.
#pragma once

#include "cpp/ir/gradient_context.h"
#include "cpp/ir/op_def.h"

namespace tessera {

// `dims` and `keep_dims`.
OpDef WithReductionAttrs(OpDef def);
// `reduced` (result, or cotangent of the result) with its reduced dims as 1, in the dtype of x: it
// broadcasts against x.
ValueId KeepReduced(GradientContext& context, ValueId reduced);
// `reduced` repeated over the dims of x: the gradient of a sum.
ValueId SpreadOverReduced(GradientContext& context, ValueId reduced);
// The cotangent, shared by the elements of x that equal the result: the gradient of an extremum.
ValueId ShareAmongEqual(GradientContext& context);
// One per element of the operand.
double ReductionFlops(absl::Span<const std::vector<int64_t>> input_dims,
                      absl::Span<const std::vector<int64_t>> output_dims, const Attrs& attrs);

}  // namespace tessera
