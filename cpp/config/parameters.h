// Parameters of config files: values with a name, declared in one place and used in many.
//
//   "parameters": {"width": 768, "hidden": "$width*4"},
//   "model": {"model_dim": "$width"}
// A text that is "$NAME", "$NAME*K" or "$NAME/K" (K an integer; a quotient must be exact) stands
// for the value; "$$" at the start of a text is a plain "$". A file that extends another one gives
// other values under the same names. A parameter that nothing uses is an error, as is one that is
// null when it is used. Internal to config. One thread per object.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "cpp/config/errors.h"
#include "cpp/config/json_document.h"

namespace tessera {

class Parameters {
 public:
  // Declares what `value` holds, the member "parameters" of a file. Names that are known keep the
  // value they have: files that extend are read first.
  void Declare(const JsonDocument& document, const JsonValue& value, ConfigErrors& errors);

  // Puts values in place of references, everywhere below `value`.
  void Substitute(const JsonDocument& document, JsonValue& value, const std::string& path,
                  ConfigErrors& errors);

  // Reports what was declared and never used.
  void CheckAllUsed(ConfigErrors& errors) const;

 private:
  struct Entry {
    JsonValue value;
    ConfigOrigin origin;
    bool is_used = false;
  };

  void Resolve(const JsonDocument& document, JsonValue& value, const std::string& path,
               ConfigErrors& errors, int depth);

  std::map<std::string, Entry> entries_;
  size_t copied_ = 0;   // values put in, bounded
};

}  // namespace tessera
