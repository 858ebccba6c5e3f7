#include "cpp/config/place.h"

#include "absl/strings/str_cat.h"
#include "cpp/config/errors.h"
#include "cpp/config/json_reader.h"
#include "cpp/config/resolve.h"

namespace tessera {

std::string_view Place::role() const {
  if (slot != nullptr) return slot->role;
  return node->info().roles.empty() ? std::string_view() : node->info().roles.front();
}

bool Place::is_wrapper() const {
  const FieldInfo* inner = node == nullptr ? nullptr : node->info().InnerSlot();
  return inner != nullptr && inner->role == role();
}

ConfigView::ConfigView(const SchemaRegistry& registry, const ConfigNode& root)
    : expanded_(root.Clone()) {
  ConfigErrors unused;   // what is incomplete is reported when the config is resolved
  ResolveTree(registry, *expanded_, {.require = false}, unused);
  Place place;
  place.node = expanded_.get();
  place.state = FieldState::kSet;
  places_.push_back(std::move(place));
  Add(*expanded_, 0);
}

void ConfigView::Add(const ConfigNode& node, size_t index) {
  for (size_t i = 0; i < node.info().fields.size(); ++i) {
    const FieldInfo& field = node.info().fields[i];
    if (field.kind != FieldKind::kSlot) continue;
    const ConfigNode::Slot& slot = node.slot(i);
    Place place;
    place.slot = &field;
    place.slot_index = i;
    place.parent = static_cast<int>(index);
    place.state = slot.state;
    place.path = JoinConfigPath(places_[index].path, field.name);
    place.is_wrapped = field.is_inner && places_[index].role() == field.role;
    place.plain_path = place.is_wrapped ? places_[index].plain_path
                                      : JoinConfigPath(places_[index].plain_path, field.name);
    if (field.is_list || slot.children.empty()) places_.push_back(place);
    for (size_t k = 0; k < slot.children.size(); ++k) {
      Place child = place;
      child.node = slot.children[k].get();
      child.child_index = k;
      if (field.is_list) {
        absl::StrAppend(&child.path, "[", k, "]");
        absl::StrAppend(&child.plain_path, "[", k, "]");
      }
      places_.push_back(std::move(child));
      Add(*slot.children[k], places_.size() - 1);
    }
  }
}

const Place* ConfigView::WrapperOf(const Place& place, const TypeInfo& wrapper) const {
  const Place* at = &place;
  while (at->is_wrapped) {
    at = &places_[static_cast<size_t>(at->parent)];
    if (&at->node->info() == &wrapper) return at;
  }
  return nullptr;
}

}  // namespace tessera
