#include "cpp/config/modifier_edit.h"

#include <algorithm>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "cpp/config/field_check.h"
#include "cpp/config/json_printer.h"
#include "cpp/config/json_reader.h"

namespace tessera {

ConfigOrigin EditMaker::OriginOf(const ModifierPart& part, size_t offset) const {
  ConfigOrigin origin = document_.OriginAt(offset);
  origin.modifier = part.number;
  return origin;
}

void EditMaker::Fail(const ModifierPart& part, size_t offset, std::string path,
                     std::string expected, std::string got, std::string nearest,
                     std::string hint) {
  const ConfigOrigin origin = OriginOf(part, offset);
  ConfigError error{*origin.source,        origin.line,       origin.column,
                    std::move(path),       std::move(expected), std::move(got),
                    std::move(nearest),    std::move(hint),   ""};
  error.modifier = part.name;
  errors_.Add(std::move(error));
}

EditMaker::Target EditMaker::Find(const Place& place, const ModifierPart& part) {
  Target target;
  if (place.parent < 0) {
    target.node = &root_;
    return target;
  }
  target.parent = Find(view_.places()[static_cast<size_t>(place.parent)], part).node;
  target.slot = place.slot_index;
  ConfigNode::Slot& slot = target.parent->slot(place.slot_index);
  if (place.node == nullptr) return target;
  if (place.child_index >= slot.children.size()) {
    // A default that nobody had said.
    slot.state = FieldState::kSet;
    slot.origin = part.origin;
    slot.children.push_back(std::make_unique<ConfigNode>(&place.node->info()));
    slot.children.back()->set_origin(part.origin);
  }
  target.node = slot.children[place.child_index].get();
  return target;
}

std::unique_ptr<ConfigNode>* EditMaker::Holder(const Target& target) {
  for (std::unique_ptr<ConfigNode>& child : target.parent->slot(target.slot).children) {
    if (child.get() == target.node) return &child;
  }
  return nullptr;
}

void EditMaker::Make(const std::vector<Edit>& edits) {
  std::vector<std::pair<const Edit*, Target>> found;
  for (const Edit& edit : edits) found.emplace_back(&edit, Find(*edit.place, *edit.part));
  for (const auto& [edit, target] : found) {
    if (edit->kind == Edit::Kind::kFields) {
      SetFields(*edit->part, edit->fields, edit->place->path, *target.node);
    }
  }
  // A place stands before those below it in the view, so that this is from the innermost outwards.
  std::stable_sort(found.begin(), found.end(), [](const auto& a, const auto& b) {
    return a.first->place > b.first->place;
  });
  std::set<std::string> made;   // two parts of a chain may want the same
  for (const auto& [edit, target] : found) {
    if (!errors_.empty()) return;
    if (edit->kind != Edit::Kind::kFields && !made.insert(edit->ClaimOf(0)).second) continue;
    switch (edit->kind) {
      case Edit::Kind::kFields:
        break;
      case Edit::Kind::kReplace:
        Replace(*edit, target);
        break;
      case Edit::Kind::kWrap:
        Wrap(*edit, target);
        break;
      case Edit::Kind::kInsert:
        Insert(*edit, *target.node);
        break;
      case Edit::Kind::kRemove:
        Remove(*edit, target);
        break;
    }
  }
}

void EditMaker::SetFields(const ModifierPart& part, const std::vector<FieldEdit>& fields,
                          const std::string& path, ConfigNode& node) {
  const size_t before = errors_.count();
  for (const FieldEdit& field : fields) {
    if (field.value != nullptr) {
      const ConfigOrigin origin = OriginOf(part, field.value->offset);
      SetByPath(registry_, node, path, field.parts, {document_, *field.value, origin}, errors_);
      continue;
    }
    const absl::Status status = UnsetByPath(node, field.path);
    if (!status.ok()) {
      Fail(part, part.json->offset, JoinConfigPath(path, field.path),
           "the path of a field or slot", std::string(status.message()));
    }
  }
  errors_.BlameModifier(before, part.name);
}

void EditMaker::Replace(const Edit& edit, const Target& target) {
  std::unique_ptr<ConfigNode>* holder = Holder(target);
  if (holder == nullptr) return;   // of a module that an outer edit of the same modifier took away
  auto made = std::make_unique<ConfigNode>(edit.type);
  made->set_origin(OriginOf(*edit.part, edit.type_offset));
  const FieldInfo* adopting = edit.type->AdoptingSlot();
  if (adopting != nullptr && target.node->info().HasRole(adopting->role)) {
    const size_t index = static_cast<size_t>(adopting - edit.type->fields.data());
    ConfigNode::Slot& slot = made->slot(index);
    slot.state = FieldState::kSet;
    slot.origin = OriginOf(*edit.part, edit.type_offset);
    slot.children.push_back(std::move(*holder));
  } else {
    CarryOver(edit, *target.node, *made);
  }
  SetFields(*edit.part, edit.fields, edit.place->path, *made);
  *holder = std::move(made);
  ConfigNode::Slot& slot = target.parent->slot(target.slot);
  if (!edit.place->slot->is_list) slot.origin = OriginOf(*edit.part, edit.type_offset);
}

namespace {

bool IsSameKind(const FieldInfo& a, const FieldInfo& b) {
  return a.kind == b.kind && a.is_list == b.is_list && a.enum_name == b.enum_name &&
         a.role == b.role && (a.table == nullptr) == (b.table == nullptr) &&
         (a.table == nullptr || a.table->name == b.table->name);
}

// Whether a value of another type's field is one of this field too.
bool Fits(const FieldInfo& field, ConfigValue& value) {
  if (ConfigValue::List* list = value.AsList()) {
    return std::all_of(list->begin(), list->end(),
                       [&](ConfigValue& item) { return FitElement(field, item).empty(); });
  }
  return FitElement(field, value).empty();
}

}  // namespace

// What was said and has a place in the new type stays; the rest is reported.
void EditMaker::CarryOver(const Edit& edit, ConfigNode& from, ConfigNode& to) {
  const auto drop = [&](const FieldInfo& field, const std::string& value) {
    reports_[edit.part->report].dropped.push_back(
        absl::StrCat(JoinConfigPath(edit.place->path, field.name), " = ", value));
  };
  for (size_t i = 0; i < from.info().fields.size(); ++i) {
    const FieldInfo& old = from.info().fields[i];
    const FieldInfo* field = to.info().Find(old.name);
    const bool is_shared = field != nullptr && IsSameKind(old, *field);
    const size_t index =
        is_shared ? static_cast<size_t>(field - to.info().fields.data()) : 0;
    if (old.kind == FieldKind::kSlot) {
      ConfigNode::Slot& slot = from.slot(i);
      if (slot.state != FieldState::kSet) continue;
      if (is_shared && (!slot.children.empty() || field->is_optional)) {
        to.slot(index) = std::move(slot);
      } else {
        drop(old, slot.children.empty() ? "null" : PrintLine(*slot.children.front()));
      }
      continue;
    }
    const ConfigNode::Field& stored = from.field(i);
    if (stored.state != FieldState::kSet) continue;
    ConfigValue value = stored.value;
    if (is_shared && Fits(*field, value)) {
      to.field(index) = {FieldState::kSet, std::move(value), stored.origin};
    } else {
      drop(old, stored.value.ToJson());
    }
  }
}

void EditMaker::Wrap(const Edit& edit, const Target& target) {
  std::unique_ptr<ConfigNode>* holder = Holder(target);
  if (holder == nullptr) return;
  auto made = std::make_unique<ConfigNode>(edit.type);
  const ConfigOrigin origin = OriginOf(*edit.part, edit.type_offset);
  made->set_origin(origin);
  const FieldInfo* inner = edit.type->InnerSlot();
  ConfigNode::Slot& slot = made->slot(static_cast<size_t>(inner - edit.type->fields.data()));
  slot.state = FieldState::kSet;
  const ConfigNode::Slot& outer = target.parent->slot(target.slot);
  slot.origin = edit.place->slot->is_list ? target.node->origin() : outer.origin;
  slot.children.push_back(std::move(*holder));
  SetFields(*edit.part, edit.fields, edit.place->path, *made);
  *holder = std::move(made);
  if (!edit.place->slot->is_list) target.parent->slot(target.slot).origin = origin;
}

void EditMaker::Insert(const Edit& edit, ConfigNode& owner) {
  const FieldInfo* field = owner.info().Find(edit.to.parts.front().name);
  const size_t index = static_cast<size_t>(field - owner.info().fields.data());
  if (field->kind == FieldKind::kSlot) {
    InsertModule(edit, *field, owner.slot(index));
  } else {
    InsertItem(edit, *field, owner.field(index));
  }
}

void EditMaker::InsertModule(const Edit& edit, const FieldInfo& field, ConfigNode::Slot& slot) {
  const std::string path = JoinConfigPath(edit.place->path, field.name);
  auto made = std::make_unique<ConfigNode>(edit.type);
  made->set_origin(OriginOf(*edit.part, edit.type_offset));
  SetFields(*edit.part, edit.fields, path, *made);
  if (!errors_.empty()) return;
  if (!field.is_list) {
    slot.children.clear();
    slot.children.push_back(std::move(made));
  } else {
    const bool is_there = std::any_of(slot.children.begin(), slot.children.end(),
                                      [&](const auto& child) { return child->SameAs(*made); });
    if (is_there) return;
    if (edit.at > static_cast<int64_t>(slot.children.size())) {
      Fail(*edit.part, edit.part->json->offset, path,
           absl::StrCat("\"at\" from 0 to ", slot.children.size()), absl::StrCat(edit.at));
      return;
    }
    const auto where = edit.at < 0 ? slot.children.end() : slot.children.begin() + edit.at;
    slot.children.insert(where, std::move(made));
  }
  slot.state = FieldState::kSet;
  slot.origin = OriginOf(*edit.part, edit.type_offset);
}

void EditMaker::InsertItem(const Edit& edit, const FieldInfo& field, ConfigNode::Field& stored) {
  const std::string path = JoinConfigPath(edit.place->path, field.name);
  const size_t before = errors_.count();
  JsonReader reader(registry_, document_, errors_);
  reader.set_modifier(edit.part->number);
  std::optional<ConfigValue> item = reader.ReadElement(*edit.item, field, path);
  errors_.BlameModifier(before, edit.part->name);
  if (!item.has_value()) return;
  ConfigValue value = stored.state == FieldState::kSet ? stored.value : field.fallback;
  if (value.AsList() == nullptr) value = ConfigValue(ConfigValue::List());
  ConfigValue::List& list = *value.AsList();
  if (std::find(list.begin(), list.end(), *item) != list.end()) return;
  if (edit.at > static_cast<int64_t>(list.size())) {
    Fail(*edit.part, edit.part->json->offset, path,
         absl::StrCat("\"at\" from 0 to ", list.size()), absl::StrCat(edit.at));
    return;
  }
  list.insert(edit.at < 0 ? list.end() : list.begin() + edit.at, *std::move(item));
  stored = {FieldState::kSet, std::move(value), OriginOf(*edit.part, edit.item->offset)};
}

void EditMaker::Remove(const Edit& edit, const Target& target) {
  ConfigNode::Slot& slot = target.parent->slot(target.slot);
  std::unique_ptr<ConfigNode>* holder = target.node == nullptr ? nullptr : Holder(target);
  if (holder != nullptr) slot.children.erase(slot.children.begin() + (holder - &slot.children[0]));
  slot.state = FieldState::kSet;
  slot.origin = OriginOf(*edit.part, edit.part->json->offset);
}

}  // namespace tessera
