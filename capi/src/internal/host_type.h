// HostType: the config type of a part whose code is a host's: its schema in the runtime's registry.
#pragma once

#include <string_view>

#include "absl/status/statusor.h"
#include "capi/src/internal/runtime_object.h"

namespace tessera::capi {

// Registers the schema text of a type that fills `role`. Both are 0-terminated; NULL is refused.
// ALREADY_EXISTS, INVALID_ARGUMENT. REQUIRES: registration_mutex is held.
absl::StatusOr<const TypeInfo*> RegisterHostType(RuntimeObject& runtime, const char* schema,
                                                 const char* type, std::string_view role);

}  // namespace tessera::capi
