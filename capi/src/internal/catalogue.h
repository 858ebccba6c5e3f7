// Catalogue: what a runtime knows, as JSON: types of configs, ops, kernels, kinds of data.
//
// Functions of the runtime's tables as they are at the time of the call; thread-safe.
#pragma once

#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "capi/src/internal/runtime_object.h"

namespace tessera::capi {

// {"version", "threads", "isa", "isa_reason", "rank", "world_size", "checked", "kernels", ...}
std::string DescribeRuntime(RuntimeObject& runtime);
// A list of objects, or for "all" an object of such lists. NOT_FOUND with the nearest name.
absl::StatusOr<std::string> ListKind(RuntimeObject& runtime, std::string_view kind);
// A config type or an op. NOT_FOUND with the nearest name of both.
absl::StatusOr<std::string> DescribeType(RuntimeObject& runtime, std::string_view type);

}  // namespace tessera::capi
