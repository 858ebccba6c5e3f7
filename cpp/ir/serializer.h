// Serializer: functions as bytes (schemas/graph.fbs), with everything they call.
//
// This is how a checkpoint carries what its modules built, so that a program without their code can
// run it. Equal functions give equal bytes: functions that say the same are stored once, whether or
// not they were shared, and come back shared. Ops are stored by name and version. Bytes are not
// trusted: sizes, nesting and the work that calls multiply are bounded, and every node is made
// again by type inference, whose result must agree with what is stored. Pure functions.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "cpp/ir/function.h"
#include "cpp/ir/op_table.h"

namespace tessera {

inline constexpr uint32_t kGraphFormatVersion = 1;

// What may be stored; far above what models need, far below what would exhaust a reader.
inline constexpr size_t kMaxStoredFunctions = size_t{1} << 16;
inline constexpr size_t kMaxStoredNodes = size_t{1} << 20;      // of all functions together
inline constexpr size_t kMaxExpandedNodes = size_t{1} << 22;    // of one, its calls written out
inline constexpr int kMaxCallDepth = 64;
inline constexpr size_t kMaxStoredRank = 32;
inline constexpr size_t kMaxDimText = 1024;                     // characters of one dim

struct FunctionArchive {
  // What the functions were traced from, such as a fingerprint of the model's config. A reader uses
  // them only where this is what it would trace from.
  std::string tracing_key;
  // By name: "train", "evaluate", "decode".
  std::map<std::string, FunctionRef, std::less<>> functions;
};

// INVALID_ARGUMENT when a function breaks a rule of Verify or exceeds a limit above.
absl::StatusOr<std::string> SerializeFunctions(const FunctionArchive& stored);

// The inverse. INVALID_ARGUMENT when the bytes are damaged or inconsistent; NOT_FOUND naming
// name@version of an op that `ops` lacks; FAILED_PRECONDITION when a newer format wrote them.
absl::StatusOr<FunctionArchive> ParseFunctions(std::string_view bytes, const OpTable& ops);

}  // namespace tessera
