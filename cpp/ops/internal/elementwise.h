// Elementwise: what the files of the elementwise ops share, so that each of them is its formula.
//
// Definitions with the common properties filled in, and the small steps of their gradient rules.
// Not an op itself: ops are the files directly in cpp/ops. Thread-safe: pure functions.
#pragma once

#include <string>
#include <utility>

#include "cpp/ir/gradient_context.h"
#include "cpp/ir/op_def.h"

namespace tessera {

// y = f(x), dtype of x, in place. `dtypes`: a choice of OpDef::InputDTypes.
OpDef ElementwiseUnary(std::string name, const char* dtypes = "float");
// out = f(x, y), broadcast, both of one dtype that the result has too, in place.
OpDef ElementwiseBinary(std::string name);
// out = f(x, y), broadcast, a bool; no gradient.
OpDef ElementwiseCompare(std::string name, const char* dtypes = "number");
// dx = f'(x) * dy of equal dims: linear in dy.
OpDef ElementwiseGradient(std::string name);

// Sets the gradient of operand 0; always OK, so that a rule may end with it.
absl::Status SetOnly(GradientContext& context, ValueId gradient);
// Sets the gradient of operand i after summing it over the dims in which i was broadcast, in the
// dtype that is wanted.
void SetBroadcast(GradientContext& context, size_t i, ValueId gradient);
// A scalar in the dtype of `like`.
ValueId Scalar(Graph& graph, double value, ValueId like);

// f64 for f64, otherwise f32: what statistics and losses of a tensor are kept in.
inline DType WideDType(DType dtype) { return dtype == DType::kF64 ? DType::kF64 : DType::kF32; }

}  // namespace tessera
