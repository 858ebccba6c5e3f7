// ConfigTemplate: a config of ours with places for the fields of theirs, read in both directions.
//
// A template is JSON in the form of our config. Texts and objects of these forms are not literal:
//   "$hidden_size"                        the value of the field
//   "=4 * n_embd"                         computed (one direction only)
//   "$omit"                               the field of ours is left to its default
//   {"$switch": "hidden_act", "cases": {"silu": "silu", "gelu_new": "gelu_tanh", "*": ...}}
//                                         by the field's value; "*" is any other, "null" none
//   {"$each": "layer_types", "cases": {...}}   a list, each item by its case
//   {"$power": "query_pre_attn_scalar", "exponent": -0.5}
// Fill makes our config of field values; Solve finds field values that make a given config, as far
// as the template tells. What Solve finds must be checked by Fill. Pure functions; thread-safe.
#pragma once

#include <string_view>

#include "absl/status/statusor.h"
#include "cpp/interop/field_table.h"

namespace tessera {

// INVALID_ARGUMENT when a value has no case (with the values that have one), or cannot be computed.
absl::StatusOr<ConfigValue> FillTemplate(const ConfigValue& form, const FieldValues& values);

// Adds to `values`; false when no values can make `config`. `config` has every value.
bool SolveTemplate(const ConfigValue& form, const ConfigValue& config, FieldValues& values);

}  // namespace tessera
