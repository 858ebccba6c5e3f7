// Selector: which places of a config a modifier means.
//
//   "FeedForward"             a type, and types that say they are a kind of it, in slots of the
//                             type's primary role: an expert is another role
//   "any position"            what stands in slots of a role, inside its wrappers
//   "model.decoder.**.norm"   a pattern of paths (glob.h)
//   {"type": ..., "role": ..., "path": ..., "where": {...}, "every": 4, "from": 3}
//                             all that is given holds; "role": "*" is any role; "every" and "from"
//                             choose among the places in the order of the schema
// Internal to config. One thread per object.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "cpp/config/errors.h"
#include "cpp/config/json_document.h"
#include "cpp/config/place.h"
#include "cpp/config/predicate.h"

namespace tessera {

class Selector {
 public:
  // The root alone.
  Selector() = default;
  // False, with errors, when `value` is no selector.
  static bool Read(const SchemaRegistry& registry, const JsonDocument& document,
                   const JsonValue& value, ConfigErrors& errors, Selector& out);

  const std::string& text() const { return text_; }   // "FeedForward", for errors
  const TypeInfo* type() const { return type_; }
  bool is_root() const { return text_.empty(); }

  struct Found {
    const Place* place = nullptr;
    bool is_done = false;      // what the modifier wants is there already
  };
  // `is_done` says of a place with the right role and path, whatever its type, that it is as the
  // modifier would make it: it then counts as selected, and nothing below it is looked at.
  using IsDone = std::function<bool(const Place&)>;
  std::vector<Found> Select(const ConfigView& view, const IsDone& is_done = nullptr) const;

  // Reports that nothing was selected: what was wanted, how far it got, and what is nearest.
  void FailUnmatched(const ConfigView& view, const ConfigOrigin& origin,
                     ConfigErrors& errors) const;

  // Without type and fields: the role and the path.
  bool MatchesPlace(const Place& place) const;

 private:
  bool MatchesType(const Place& place) const;
  bool MatchesFields(const Place& place) const;
  std::string WantedRole() const;
  ConfigError UnmatchedPath(const ConfigView& view) const;
  ConfigError UnmatchedFields(const ConfigView& view) const;
  ConfigError UnmatchedRole(const ConfigView& view) const;

  std::string text_;
  const TypeInfo* type_ = nullptr;
  std::string role_, path_;
  std::vector<Condition> where_;
  int64_t every_ = 1, from_ = 0;
};

}  // namespace tessera
