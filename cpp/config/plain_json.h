// Plain JSON: files from elsewhere (config.json, tokenizer.json) as values without a schema.
//
// Bounded in depth and number of values; the caller bounds the text. Numbers that are whole and fit
// are integers, all others doubles. Comments and trailing commas are let pass. For configs of
// Tessera there is config.h. Pure functions; thread-safe.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "cpp/config/value.h"

namespace tessera {

inline constexpr int64_t kMaxFewValues = 1 << 16;   // of a config
inline constexpr int64_t kMaxManyValues = 1 << 22;  // of an index or a vocabulary

// INVALID_ARGUMENT with name, line and column; a name that stands twice in one object is an error.
absl::StatusOr<ConfigValue> ParseJson(std::string_view text, std::string_view name,
                                      int64_t max_values = kMaxFewValues);

// Over several lines, two blanks a level, with a line break at the end.
std::string IndentedJson(const ConfigValue& value);

// The value at "rope_parameters.rope_theta", or nullptr; what stands as null is nullptr too.
const ConfigValue* FindAt(const ConfigValue& root, std::string_view path);
// Puts a value there; tables on the way are made. What stands in the way is replaced.
void PutAt(ConfigValue& root, std::string_view path, ConfigValue value);

// Equal, where an integer and a number of the same value are equal too.
bool SameValue(const ConfigValue& a, const ConfigValue& b);

}  // namespace tessera
