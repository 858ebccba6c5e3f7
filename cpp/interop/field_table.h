// FieldTable: the fields of a family's config.json: where each stands, and its value when it is not
// said.
//
// From a family's description (family.h):
//   "fields": {"rope_theta": {"at": ["rope_parameters.rope_theta", "rope_theta"],
//                             "default": 10000.0}, ...}
// Without "at" a field stands under its own name; without "default" it must be given. A default
// that is a text "=..." is computed from other fields: + - * / ( ) ln(x) sqrt(x), or one field's
// name alone. A null in the config is a value (no window, no cap), but where the default is
// computed or there is none it is as if nothing stood there. With "repeats" a field's list must be
// these values in turns.
// Thread-safe when const.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "cpp/config/value.h"

namespace tessera {

// The value of every field of a family; a value that is empty stands for null.
using FieldValues = std::map<std::string, ConfigValue, std::less<>>;

class FieldTable {
 public:
  // `described` is the table "fields". INVALID_ARGUMENT when it is not one.
  static absl::StatusOr<FieldTable> Parse(const ConfigValue& described);

  // All values, defaults computed. INVALID_ARGUMENT naming a field that is missing, and what a
  // default could not be computed from. `where` begins error texts ("DIR/config.json").
  absl::StatusOr<FieldValues> Read(const ConfigValue& config, std::string_view where) const;

  // Puts values into a config: where the field stands already, else at its first place. A value
  // that the config has, or that its absence means, is left as it is.
  absl::Status Write(const FieldValues& values, ConfigValue& config) const;

  // Every place of every field, and the tables on the way to them.
  std::vector<std::string> Places() const;
  bool Has(std::string_view field) const { return fields_.contains(field); }

 private:
  struct Field {
    std::vector<std::string> places;
    ConfigValue fallback;
    bool is_required = false;
    ConfigValue::List repeats;
  };
  std::map<std::string, Field, std::less<>> fields_;
  friend class FieldReader;
};

// "=4 * n_embd" of fields that have values: an integer when it comes out whole and all parts are
// integers. A name alone gives that field's value, whatever it is.
absl::StatusOr<ConfigValue> ComputeField(std::string_view expression, const FieldValues& values);

}  // namespace tessera
