// FieldError: an error about a field of an optimizer or schedule that its schema cannot check.
//
// The same form as the errors of the config engine (config/errors.h): file, line, column, field,
// what was expected, what was got. Thread-safe.
#pragma once

#include <string>
#include <string_view>

#include "absl/status/status.h"

namespace tessera {

class ConfigNode;

// INVALID_ARGUMENT: "gpt.json:12:5: Sgd.nesterov: expected ..., got true; hint", with the value
// that the field has and the place where it was set, or that of the node for a default.
absl::Status FieldError(const ConfigNode& node, std::string_view field, std::string_view expected,
                        std::string_view hint = "");

}  // namespace tessera
