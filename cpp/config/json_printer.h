// Config trees as JSON text, for people and for reading back. Internal to config.
//
// Keys stand in the schema's order, "type" first. Functions of their arguments alone; thread-safe.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "cpp/config/tree.h"

namespace tessera {

struct PrintOptions {
  bool everything = false;   // defaults too
  bool origins = false;      // as a comment at the end of each line
};

// Indented by two spaces, with a line break at the end.
std::string PrintTree(const ConfigNode& root, const PrintOptions& options);
// Every value on one line.
std::string PrintLine(const ConfigNode& node, bool everything = true);

struct FlatEntry {
  std::string value;    // JSON
  std::string origin;
};
// Every value by its path; a node's type stands at the node's own path.
std::map<std::string, FlatEntry> Flatten(const ConfigNode& root);

}  // namespace tessera
