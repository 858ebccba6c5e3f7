// Shape: signature texts and checks that the ops about dims, indices and reductions share.
//
// Texts name the dims of an operand a0, a1, ... by position; dims before the first one that matters
// are `...`, so that rows stay rows. Not an op itself. Thread-safe: pure functions.
#pragma once

#include <string>
#include <vector>

#include "cpp/ir/op_def.h"

namespace tessera {

// "expected N operands" unless there are exactly that many.
absl::Status ExpectInputs(const OpUse& use, size_t count);
// The attribute `name` as a dim of operand 0. InvalidArgument unless in [0, rank).
absl::StatusOr<size_t> DimAttr(const OpUse& use, std::string_view name = "dim");
// A size for a signature: "{2*B}".
std::string FreshTerm(const Dim& dim);
// "[..., c, a3, a4]": dims of an operand of rank `rank` with `term` at `dim`, and `...` before it.
std::string AlongDim(size_t rank, size_t dim, std::string_view term);
// "[a0, a1]" joined from terms.
std::string Terms(const std::vector<std::string>& terms);

// Reductions over the attribute `dims`, kept as 1 with `keep_dims`: reduced dims are summed away
// (a shard of them gives a partial sum) or must be whole.
absl::StatusOr<std::string> SumSignature(const OpUse& use);
absl::StatusOr<std::string> WholeReduceSignature(const OpUse& use);

}  // namespace tessera
