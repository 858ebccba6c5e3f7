#include "cpp/config/tree.h"

#include "absl/strings/str_cat.h"
#include "cpp/base/hash.h"

namespace tessera {

ConfigNode::ConfigNode(const TypeInfo* info)
    : info_(info), fields_(info->fields.size()), slots_(info->fields.size()) {}

std::unique_ptr<ConfigNode> ConfigNode::Clone() const {
  auto copy = std::make_unique<ConfigNode>(info_);
  copy->origin_ = origin_;
  copy->fields_ = fields_;
  for (size_t i = 0; i < slots_.size(); ++i) {
    copy->slots_[i].state = slots_[i].state;
    copy->slots_[i].origin = slots_[i].origin;
    for (const auto& child : slots_[i].children) {
      copy->slots_[i].children.push_back(child->Clone());
    }
  }
  return copy;
}

int ConfigNode::IndexOf(std::string_view name, bool slot) const {
  for (size_t i = 0; i < info_->fields.size(); ++i) {
    const FieldInfo& field = info_->fields[i];
    if (field.name == name) {
      return (field.kind == FieldKind::kSlot) == slot ? static_cast<int>(i) : -1;
    }
  }
  return -1;
}

const ConfigNode::Field* ConfigNode::FindField(std::string_view name) const {
  const int index = IndexOf(name, false);
  return index < 0 ? nullptr : &fields_[index];
}

const ConfigValue* ConfigNode::Value(std::string_view name) const {
  const Field* field = FindField(name);
  return field == nullptr || field->value.empty() ? nullptr : &field->value;
}

const ConfigNode::Slot* ConfigNode::FindSlot(std::string_view name) const {
  const int index = IndexOf(name, true);
  return index < 0 ? nullptr : &slots_[index];
}

const ConfigNode* ConfigNode::Child(std::string_view slot, size_t index) const {
  const Slot* found = FindSlot(slot);
  if (found == nullptr || index >= found->children.size()) return nullptr;
  return found->children[index].get();
}

size_t ConfigNode::ChildCount(std::string_view slot) const {
  const Slot* found = FindSlot(slot);
  return found == nullptr ? 0 : found->children.size();
}

const ConfigNode& ConfigNode::OwnerOf(std::string_view field) const {
  const ConfigNode* node = this;
  for (;;) {
    const FieldInfo* inner = node->info_->InnerSlot();
    if (inner == nullptr || !node->info_->HasRole(inner->role)) return *node;
    if (field == "type" || node->info_->Find(field) != nullptr) return *node;
    const ConfigNode* child = node->Child(inner->name);
    // What neither of them has is missing here.
    if (child == nullptr) return *this;
    if (child->info_->Find(field) != nullptr) return *child;
    node = child;
  }
}

ConfigNode& ConfigNode::OwnerOf(std::string_view field) {
  return const_cast<ConfigNode&>(static_cast<const ConfigNode*>(this)->OwnerOf(field));
}

uint64_t ConfigNode::Fingerprint() const {
  std::string text = absl::StrCat(info_->name, "@", info_->schema_version, "{");
  for (size_t i = 0; i < fields_.size(); ++i) {
    const FieldInfo& field = info_->fields[i];
    if (!fields_[i].value.empty()) {
      absl::StrAppend(&text, field.name, ":", fields_[i].value.ToJson(), ";");
    }
    for (const auto& child : slots_[i].children) {
      absl::StrAppend(&text, field.name, "=", child->Fingerprint(), ";");
    }
  }
  return HashBytes(text);
}

bool ConfigNode::SameAs(const ConfigNode& other) const {
  if (info_ != other.info_) return false;
  for (size_t i = 0; i < fields_.size(); ++i) {
    if (fields_[i].state != other.fields_[i].state || slots_[i].state != other.slots_[i].state ||
        !(fields_[i].value == other.fields_[i].value) ||
        slots_[i].children.size() != other.slots_[i].children.size()) {
      return false;
    }
    for (size_t k = 0; k < slots_[i].children.size(); ++k) {
      if (!slots_[i].children[k]->SameAs(*other.slots_[i].children[k])) return false;
    }
  }
  return true;
}

}  // namespace tessera
