// ConfigNode: one typed node of a config: plain fields in three states, and children by slot.
//
// A node knows its type's schema, but checks nothing: config.h reads, sets and resolves with
// checks. On a resolved tree every field has a value (optional ones aside) and every slot its
// children; module code reads it through the generated structs (gen/config/<type>.h) and Child.
// Nodes do not move while their parent lives. Constant use from several threads is safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "cpp/config/registry.h"
#include "cpp/config/value.h"

namespace tessera {

class ConfigNode {
 public:
  struct Field {
    FieldState state = FieldState::kUnset;
    ConfigValue value;
    ConfigOrigin origin;
  };
  // kUnset: nothing was said. kSet without children: emptied on purpose (null in JSON).
  struct Slot {
    FieldState state = FieldState::kUnset;
    ConfigOrigin origin;
    std::vector<std::unique_ptr<ConfigNode>> children;
  };

  // REQUIRES: `info` outlives the node.
  explicit ConfigNode(const TypeInfo* info);
  std::unique_ptr<ConfigNode> Clone() const;

  std::string_view type() const { return info_->name; }
  const TypeInfo& info() const { return *info_; }
  const ConfigOrigin& origin() const { return origin_; }
  void set_origin(ConfigOrigin origin) { origin_ = std::move(origin); }

  // --- Plain fields, by name or by their index in info().fields. ---
  const Field& field(size_t index) const { return fields_[index]; }
  Field& field(size_t index) { return fields_[index]; }
  // nullptr for a name that is no plain field.
  const Field* FindField(std::string_view name) const;
  // nullptr for an unknown name, a slot, or a field without a value.
  const ConfigValue* Value(std::string_view name) const;

  // --- Slots. ---
  const Slot& slot(size_t index) const { return slots_[index]; }
  Slot& slot(size_t index) { return slots_[index]; }
  const Slot* FindSlot(std::string_view name) const;
  // Child number `index` of the slot, nullptr when there is none or no such slot.
  const ConfigNode* Child(std::string_view slot, size_t index = 0) const;
  size_t ChildCount(std::string_view slot) const;
  // This node, or the one in its inner slot when this is a wrapper without a field of that name:
  // so that paths stay good when a module is wrapped.
  const ConfigNode& OwnerOf(std::string_view field) const;
  ConfigNode& OwnerOf(std::string_view field);

  // A stable hash of type, schema version, values and children, whether set or defaults: equal
  // resolved subtrees have equal fingerprints wherever they stand and whoever wrote them.
  uint64_t Fingerprint() const;
  // Equal type, states and values, without origins.
  bool SameAs(const ConfigNode& other) const;

 private:
  // Index in info().fields, or -1.
  int IndexOf(std::string_view name, bool slot) const;

  const TypeInfo* info_;
  ConfigOrigin origin_;
  // Both as long as info().fields; the entry of the other kind stays empty.
  std::vector<Field> fields_;
  std::vector<Slot> slots_;
};

}  // namespace tessera
