// ConfigView: the places of a config as modifiers see them: with defaults and dictated dims.
//
// A place is a slot with what stands in it, or an empty slot. The view is a resolved copy, whether
// or not the config is complete; it does not change when the config does. Internal to config. One
// thread per object.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "cpp/config/tree.h"

namespace tessera {

struct Place {
  std::string path;                  // "model.decoder.layer.attention"; "" for the root
  std::string plain_path;            // the same without the parts of wrappers' inner slots
  const ConfigNode* node = nullptr;  // of the view; nullptr: an empty slot, or a list as a whole
  const FieldInfo* slot = nullptr;   // nullptr: the root
  size_t slot_index = 0;             // in the parent's fields
  size_t child_index = 0;            // in a list
  int parent = -1;                   // index of the place whose slot this is
  FieldState state = FieldState::kUnset;   // of the slot
  bool is_wrapped = false;           // stands in the inner slot of a wrapper

  // What the slot is for; the root's is its type's own role.
  std::string_view role() const;
  // Does a wrapper stand here: a module that holds another one of the same role in an inner slot?
  bool is_wrapper() const;
};

class ConfigView {
 public:
  ConfigView(const SchemaRegistry& registry, const ConfigNode& root);

  // Every parent before its children, in the order of the schema.
  const std::vector<Place>& places() const { return places_; }
  const Place& root() const { return places_.front(); }
  // The wrapper of the given type around the place, however many others lie between; or nullptr.
  const Place* WrapperOf(const Place& place, const TypeInfo& wrapper) const;

 private:
  void Add(const ConfigNode& node, size_t index);

  std::unique_ptr<ConfigNode> expanded_;
  std::vector<Place> places_;
};

}  // namespace tessera
