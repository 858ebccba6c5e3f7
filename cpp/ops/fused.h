// Fused: which ops may be steps of a `fused` node, and what they give on a range of rows.
//
// A step must compute rows of its results from the same rows of its operands: elementwise ops, and
// ops whose signature says so ("x[..., D!], scale[D!] -> y[..., D]"). A range of rows is a tile:
// dims [R] or [R, columns]. Both who makes a fused node and who checks a stored one asks here, so
// that a node never holds what cannot be cut. Thread-safe: pure functions.
#pragma once

#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "cpp/ir/op_def.h"
#include "cpp/tensor/fused_program.h"

namespace tessera {

// A value as a step sees it.
struct RowValue {
  DType dtype = DType::kF32;
  int64_t columns = 0;
  bool whole = false;  // the same for every row
};

// What `op` makes of these operands, all of it tiled. INVALID_ARGUMENT with the reason when its
// rows cannot be computed apart, or when the operands do not fit.
absl::StatusOr<std::vector<FusedProgram::Result>> RowStep(const OpDef& op, const Attrs& attrs,
                                                          absl::Span<const RowValue> inputs);

// Checks every step of `program` against the op that it names, given the dtypes of the operands.
absl::Status CheckFusedSteps(const FusedProgram& program, absl::Span<const DType> operands);

}  // namespace tessera
