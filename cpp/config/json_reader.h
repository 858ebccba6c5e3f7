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

  // From now on values are those of this modifier of the document, and change what stands there.
  void set_modifier(int number) {
    modifier_ = number;
    overlays_ = true;
  }

  // A node of any type; a `value` without "type" is a `default_type`. Null when it is no object of
  // a known type.
  std::unique_ptr<ConfigNode> ReadRoot(const JsonValue& value, std::string_view default_type);
  // Puts what `value` says on top of `root`: an object without a type, or of the type that stands
  // in the slot, changes the fields that it names.
  void ReadOver(const JsonValue& value, ConfigNode& root);

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
  // Whether `value` says to change `slot`'s module and not to put another one there.
  bool Changes(const JsonValue& value, const ConfigNode::Slot& slot) const;
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
  int modifier_ = 0;
  bool overlays_ = false;
};

// Members of a config's root that are not fields: "extends", "modifiers", "parameters", "$schema".
bool IsFileWord(std::string_view name);

// "a" below "" is "a", below "b" is "b.a".
std::string JoinConfigPath(std::string_view path, std::string_view name);

}  // namespace tessera
