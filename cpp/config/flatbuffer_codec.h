// Config trees as FlatBuffers bytes (schemas/config.fbs) and back. Internal to config.
//
// A node's bytes are its type's own table, written and read through the schema. Functions of their
// arguments alone; thread-safe.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "cpp/config/tree.h"

namespace tessera {

// With `everything`, defaults are written like values that were set. Schemas of types that are not
// built in go along.
std::string EncodeConfig(const ConfigNode& root, bool everything);

struct DecodedConfig {
  std::shared_ptr<const SchemaRegistry> registry;   // with types that came with the bytes
  std::unique_ptr<ConfigNode> root;
};

// Any bytes are safe to give. INVALID_ARGUMENT.
absl::StatusOr<DecodedConfig> DecodeConfig(std::shared_ptr<const SchemaRegistry> registry,
                                           std::string_view bytes);

}  // namespace tessera
