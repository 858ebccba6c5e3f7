// Conditions on the fields of a node: `{"num_heads": {"ge": 8}, "bias": true}`.
//
// The form of `where` in selectors and of `when` (there the node is a Hardware). A field is named
// by its path from the node; a plain value means "equal to it", a list "one of them". Internal to
// config. Pure functions; thread-safe.
#pragma once

#include <string>
#include <vector>

#include "cpp/config/errors.h"
#include "cpp/config/json_document.h"
#include "cpp/config/tree.h"

namespace tessera {

struct Condition {
  enum class Test { kEq, kNe, kLt, kLe, kGt, kGe, kIn };

  std::string field;          // "num_heads", "attention.num_heads"
  uint32_t offset = 0;        // of the field's name in the document
  Test test = Test::kEq;
  ConfigValue value;          // a list for kIn
};

// Reads an object of conditions. False, with errors, when it is none. `what` is the word in errors:
// "where".
bool ReadConditions(const JsonValue& value, const JsonDocument& document, std::string_view what,
                    ConfigErrors& errors, std::vector<Condition>& out);

// The value of a field below a resolved node; nullptr when there is none.
const ConfigValue* FieldBelow(const ConfigNode& node, std::string_view path);
// Whether the node or its children have a field of that path, with a value or without.
bool HasFieldBelow(const ConfigNode& node, std::string_view path);

// A field without a value fulfils kNe only.
bool Holds(const Condition& condition, const ConfigNode& node);

}  // namespace tessera
