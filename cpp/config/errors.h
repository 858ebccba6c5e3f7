// ConfigErrors: everything that is wrong with a config, collected before anything is reported.
//
// One absl::Status carries them all: INVALID_ARGUMENT, its message one line an error
//   gpt.json:12:9: model.decoder.num_layers: expected an integer from 1 to 100000, got 'six'
// and its payload the same as JSON (ConfigErrorsJson). Not for files that cannot be read.
// One thread per object.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "cpp/config/value.h"

namespace tessera {

struct ConfigError {
  std::string file;          // or the text of the call that set the value
  int line = 0;              // 0: no position
  int column = 0;
  std::string path;          // "model.decoder.layer"; empty for the whole text
  std::string expected;
  std::string got;
  std::string nearest;       // a valid name that may be meant, or ""
  std::string hint;          // a further half-sentence, or ""
  std::string doc;           // of the field, or ""
  bool is_missing = false;   // a required field that was not given: listed after the others
  std::string modifier;      // "modifier 2 (replace FeedForward)" when one is to blame, or ""

  std::string ToText() const;
};

class ConfigErrors {
 public:
  static constexpr size_t kMost = 50;

  void Add(ConfigError error);
  bool empty() const { return errors_.empty(); }
  bool full() const { return errors_.size() >= kMost; }
  const std::vector<ConfigError>& errors() const { return errors_; }
  size_t count() const { return errors_.size(); }
  // Errors number `first` and later are a modifier's.
  void BlameModifier(size_t first, const std::string& modifier);
  // Is there an error at this path or below it?
  bool HasAt(std::string_view path) const;
  // A name that an unknown field at `path` was probably meant for.
  bool HasMeant(std::string_view path, std::string_view name) const;

  // OK when there are none. Sorted by file, line and column, what is
  // missing last.
  absl::Status ToStatus() const;

 private:
  std::vector<ConfigError> errors_;
  size_t left_out_ = 0;
};

// The errors in a status from this layer as a JSON list of objects with the fields of ConfigError;
// "" when it carries none.
std::string ConfigErrorsJson(const absl::Status& status);

}  // namespace tessera
