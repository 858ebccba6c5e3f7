// Whether a value fits its field: ranges, choices, enum members. Types are checked where a value is
// read (json_reader, flatbuffer_codec). Pure functions; thread-safe.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "cpp/config/registry.h"
#include "cpp/config/value.h"

namespace tessera {

// Brings one element of the right type into the form that the field stores (a 32-bit number loses
// the digits that it cannot keep), and says what was given when it does not fit, or "".
std::string FitElement(const FieldInfo& field, ConfigValue& value);

// "12", "'text'", for the part "got ..." of an error.
std::string GotText(const ConfigValue& value);

// The name that `word` most likely meant: the nearest one, or else the only one that contains it
// ("Rotary" for RotaryPosition); "" when there is none.
std::string MeantName(std::string_view word, const std::vector<std::string>& names);

}  // namespace tessera
