// GroupCopies: one function that does the work of many copies of a module on rows sorted by copy.
//
// Parameters gain a leading dim "expert"; every row x[..., D] is computed with the parameters of
// its owner. Ops that treat rows alone stay as they are, a product with a parameter matrix becomes
// grouped_matmul, and a parameter vector that meets rows elementwise (a bias) is looked up by
// owner. Calls stay calls. Pure; thread-safe.
#pragma once

#include "absl/status/statusor.h"
#include "cpp/ir/function.h"
#include "cpp/ir/op_table.h"

namespace tessera {

// `source`: operands of the same rows, parameters, ordinary results; rows are all dims of an
// operand but the last. The new function has one more argument, "owners" i32 of the row dims, as
// its last input. UNIMPLEMENTED: an op for which there is no rule (its name, and what it was
// given); the module can still be run copy by copy. INVALID_ARGUMENT: it needs more than its rows
// and parameters.
absl::StatusOr<FunctionRef> GroupCopies(const OpTable& ops, const FunctionRef& source,
                                        int64_t count);

}  // namespace tessera
