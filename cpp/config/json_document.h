// JsonDocument: a JSON text parsed into values that know where they stand. For configs, and for the
// options of the C interface.
//
// Comments and trailing commas are allowed; depth and size are bounded (ConfigLimits). It knows no
// schema. One thread per object.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "cpp/config/errors.h"
#include "cpp/config/value.h"

namespace tessera {

struct JsonMember;

struct JsonValue {
  enum class Kind { kNull, kBool, kNumber, kText, kList, kObject };

  Kind kind = Kind::kNull;
  bool boolean = false;
  uint32_t offset = 0;   // of its first byte
  std::string text;      // of a text, or the digits of a number
  // Where the value was given, when that is not here (parameters.h).
  std::shared_ptr<const ConfigOrigin> given;
  std::vector<JsonValue> items;
  std::vector<JsonMember> members;
};

struct JsonMember {
  std::string name;
  uint32_t offset = 0;
  JsonValue value;
};

// The member of that name, or nullptr.
const JsonValue* FindMember(const JsonValue& value, std::string_view name);

// The value as JSON without spaces, members sorted by name: equal values give equal texts.
std::string ToJsonText(const JsonValue& value);

// "the text 'six'", "4.5", "true", "null", "a list", "an object"
std::string Describe(const JsonValue& value);

class JsonDocument {
 public:
  // `text` must outlive the document; `name` stands in errors for the file.
  JsonDocument(std::string_view text, std::string_view name);

  // False after a syntax error, which is added to `errors`; root() is then what came before it.
  bool Parse(ConfigErrors& errors);
  // False when there is no value at all.
  bool has_root() const { return has_root_; }
  const JsonValue& root() const { return root_; }

  ConfigOrigin OriginAt(size_t offset) const;

 private:
  bool CheckText(ConfigErrors& errors) const;
  void Fail(size_t offset, std::string path, std::string expected, std::string got,
            ConfigErrors& errors) const;
  std::string GotAt(size_t offset) const;

  std::string_view text_;
  std::shared_ptr<const std::string> name_;
  std::vector<uint32_t> line_starts_;
  JsonValue root_;
  bool has_root_ = false;
};

}  // namespace tessera
