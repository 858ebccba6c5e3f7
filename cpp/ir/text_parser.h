// The inverse of ir/printer.h: functions from their text.
//
// For golden files, tests and people who write a graph by hand. White space and line breaks do not
// matter; `#` begins a comment. Every node is made by type inference and must have the types that
// the text says. The limits of ir/serializer.h hold. Pure functions.
#pragma once

#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "cpp/ir/function.h"
#include "cpp/ir/op_table.h"

namespace tessera {

// The functions of `text` in order, each after those that it calls. Calls name functions of the
// same text. INVALID_ARGUMENT with the line; NOT_FOUND for an op that `ops` lacks.
absl::StatusOr<std::vector<FunctionRef>> ParseFunctionsText(std::string_view text,
                                                            const OpTable& ops);

// The last function of ParseFunctionsText, which is what ToTextWithCallees printed.
absl::StatusOr<FunctionRef> ParseFunctionText(std::string_view text, const OpTable& ops);

}  // namespace tessera
