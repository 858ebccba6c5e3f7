// The path language of configs: `model.decoder.num_layers`, `optimizer.groups[0].match`.
//
// Setting, unsetting and reading by path, on trees. Internal to config. Functions of their
// arguments alone; thread-safe.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "cpp/config/errors.h"
#include "cpp/config/json_document.h"
#include "cpp/config/tree.h"

namespace tessera {

struct PathPart {
  std::string name;
  int index = -1;   // of `name[index]`; -1: none
};

// INVALID_ARGUMENT for a malformed path.
absl::StatusOr<std::vector<PathPart>> ParsePath(std::string_view path);

// What Config::Set does. Errors go to `errors`; the tree may then be half changed.
void SetByPath(const SchemaRegistry& registry, ConfigNode& root, std::string_view path,
               std::string_view value, const ConfigOrigin& origin, ConfigErrors& errors);

// A value of a document instead of a text. `prefix` is the path of `node`, for errors; the last
// part's value stands at `value`, and the document's reader says where.
struct PathValue {
  const JsonDocument& document;
  const JsonValue& value;
  ConfigOrigin origin;      // of the value, with the modifier's number
};
void SetByPath(const SchemaRegistry& registry, ConfigNode& node, std::string_view prefix,
               const std::vector<PathPart>& parts, const PathValue& value, ConfigErrors& errors);

absl::Status UnsetByPath(ConfigNode& root, std::string_view path);

// The value as JSON, or the node on one line.
absl::StatusOr<std::string> GetByPath(const SchemaRegistry& registry, const ConfigNode& root,
                                      std::string_view path);

}  // namespace tessera
