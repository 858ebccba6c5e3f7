// JsonReader: from a parsed JSON text to config nodes, against the schemas. Internal to config.
//
// Collects every error of names, types and ranges; what spans several fields is checked when a
// config is resolved (resolve.h). One thread per object.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "cpp/config/errors.h"
#include "cpp/config/json_document.h"
#include "cpp/config/tree.h"

namespace tessera {

class JsonReader {
 public:
  // With `call`, values have it as their origin and errors name it instead of a position.
  JsonReader(const SchemaRegistry& registry, const JsonDocument& document, ConfigErrors& errors,
             std::optional<ConfigOrigin> call = std::nullopt)
      : registry_(registry), document_(document), errors_(errors), call_(std::move(call)) {}

  // The whole document; a root without "type" is a `default_type`. Null when it is no object of a
  // known type.
  std::unique_ptr<ConfigNode> ReadRoot(std::string_view default_type);

  // Fills a slot from a node, the name of a type, a list of them, or null.
  void ReadSlot(const JsonValue& value, const FieldInfo& field, const std::string& path,
                ConfigNode::Slot& slot);

  // The value of a plain field, or nothing after an error. null is a value of optional fields only
  // and gives ConfigValue().
  std::optional<ConfigValue> ReadValue(const JsonValue& value, const FieldInfo& field,
                                       const std::string& path);
  // The same for one item of a list field.
  std::optional<ConfigValue> ReadElement(const JsonValue& value, const FieldInfo& field,
                                         const std::string& path);

 private:
  std::unique_ptr<ConfigNode> ReadNode(const JsonValue& value, const FieldInfo& slot,
                                       const std::string& path);
  const TypeInfo* ReadType(const JsonValue& value, const FieldInfo& slot, const std::string& path);
  void ReadMembers(const JsonValue& value, const std::string& path, ConfigNode& node);
  std::optional<ConfigValue> ReadTable(const JsonValue& value, const TypeInfo& table,
                                       const std::string& path);
  // The field of a member's name, or nullptr after an error.
  const FieldInfo* FieldOf(const JsonMember& member, const TypeInfo& type,
                           const std::string& path);

  ConfigOrigin OriginOf(size_t offset) const;
  void Fail(size_t offset, const std::string& path, std::string expected, std::string got,
            std::string nearest = "", std::string hint = "", std::string doc = "");

  const SchemaRegistry& registry_;
  const JsonDocument& document_;
  ConfigErrors& errors_;
  std::optional<ConfigOrigin> call_;
};

// "a" below "" is "a", below "b" is "b.a".
std::string JoinConfigPath(std::string_view path, std::string_view name);

}  // namespace tessera
