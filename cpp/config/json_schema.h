// The config types of a registry as a JSON Schema (draft 2020-12), and examples of types.
//
// With the schema an editor completes and checks config files and files of modifiers: names of
// fields and types, kinds, ranges, choices, docs. It does not say what must be given, since a file
// may extend another one, nor what spans several fields: `tessera config` does. Pure functions of
// the registry; thread-safe.
#pragma once

#include <string>

#include "cpp/config/registry.h"

namespace tessera {

std::string JsonSchemaOf(const SchemaRegistry& registry);

// A small config of the type as JSON on one line: what it requires, or else its first field.
std::string ExampleOf(const SchemaRegistry& registry, const TypeInfo& type);

}  // namespace tessera
