// From FlatBuffers schemas, binary or text, to TypeInfo. Internal to the registry.
//
// Thread-safe: functions of their arguments alone.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "cpp/config/registry.h"

namespace tessera {

struct LoadedSchema {
  std::unique_ptr<TypeInfo> type;
  std::vector<std::unique_ptr<TypeInfo>> tables;   // plain tables that its fields point to
};

// The table `type` of a binary schema, whose bytes must outlive the result. INVALID_ARGUMENT when
// the bytes are no schema, have no such table or use an attribute wrongly.
absl::StatusOr<LoadedSchema> LoadSchema(std::string_view bytes, std::string_view type);

// The binary schema of a schema text with the attributes of schemas/attributes.fbs at hand.
// INVALID_ARGUMENT with line and column.
absl::StatusOr<std::string> CompileSchema(std::string_view text);

}  // namespace tessera
