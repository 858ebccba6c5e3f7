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

absl::Status UnsetByPath(ConfigNode& root, std::string_view path);

// The value as JSON, or the node on one line.
absl::StatusOr<std::string> GetByPath(const SchemaRegistry& registry, const ConfigNode& root,
                                      std::string_view path);

}  // namespace tessera
