// What each verb selects, and the edits it makes of that.
#include <algorithm>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "cpp/base/text.h"
#include "cpp/config/field_check.h"
#include "cpp/config/json_reader.h"
#include "cpp/config/modifier_plan.h"

namespace tessera {
namespace {

using JsonKind = JsonValue::Kind;

std::string RolesText(const TypeInfo& type) { return absl::StrJoin(type.roles, ", "); }

}  // namespace

bool ModifierPlan::ReadSelector(const ModifierPart& part, std::string_view member,
                                Selector& out) {
  const JsonValue* value = FindMember(*part.json, member);
  if (value == nullptr) return true;   // the root
  const size_t before = errors_.count();
  const bool fits = Selector::Read(registry_, document_, *value, errors_, out);
  errors_.BlameModifier(before, part.name);
  return fits;
}

bool ModifierPlan::ReadFields(const ModifierPart& part, const JsonValue& value, bool skip_type,
                              std::vector<FieldEdit>& fields) {
  if (value.kind != JsonKind::kObject) {
    Fail(part, value.offset, "", "an object of fields and values", Describe(value));
    return false;
  }
  bool fits = true;
  for (const JsonMember& member : value.members) {
    if (skip_type && member.name == "type") continue;
    absl::StatusOr<std::vector<PathPart>> parts = ParsePath(member.name);
    if (!parts.ok()) {
      Fail(part, member.offset, "", "a path such as num_heads or attention.num_heads",
           Quoted(member.name), "", std::string(parts.status().message()));
      fits = false;
      continue;
    }
    fields.push_back({member.name, *std::move(parts), &member.value});
  }
  return fits;
}

const TypeInfo* ModifierPlan::ReadType(const ModifierPart& part, std::string_view member,
                                       std::vector<FieldEdit>& fields, uint32_t& offset) {
  const JsonValue* value = FindMember(*part.json, member);
  if (value == nullptr) {
    Fail(part, part.json->offset, "", absl::StrCat("\"", member, "\": the name of a type"),
         "nothing");
    return nullptr;
  }
  const JsonValue* named = value;
  if (value->kind == JsonKind::kObject) {
    named = FindMember(*value, "type");
    if (named == nullptr) {
      Fail(part, value->offset, "", "a \"type\" in the object", "none");
      return nullptr;
    }
    if (!ReadFields(part, *value, true, fields)) return nullptr;
  }
  offset = named->offset;
  const TypeInfo* type = named->kind == JsonKind::kText ? registry_.Find(named->text) : nullptr;
  if (type == nullptr) {
    Fail(part, named->offset, "", "the name of a type",
         named->kind == JsonKind::kText ? Quoted(named->text) : Describe(*named),
         MeantName(named->text, registry_.Names()));
    return nullptr;
  }
  const JsonValue* set = FindMember(*part.json, "set");
  if (set != nullptr && !ReadFields(part, *set, false, fields)) return nullptr;
  return type;
}

bool ModifierPlan::ReadOptional(const ModifierPart& part) {
  const JsonValue* value = FindMember(*part.json, "optional");
  if (value == nullptr) return false;
  if (value->kind != JsonKind::kBool) {
    Fail(part, value->offset, "", "true or false", Describe(*value));
  }
  return value->boolean;
}

bool ModifierPlan::HasFields(const ConfigNode& node, const std::vector<FieldEdit>& fields) {
  const std::unique_ptr<ConfigNode> changed = node.Clone();
  ConfigErrors errors;   // wrong fields are reported where they are set
  for (const FieldEdit& field : fields) {
    if (field.value == nullptr) return false;
    const PathValue value{document_, *field.value, document_.OriginAt(field.value->offset)};
    SetByPath(registry_, *changed, "", field.parts, value, errors);
  }
  return errors.empty() && changed->Fingerprint() == node.Fingerprint();
}

bool ModifierPlan::Finish(const ModifierPart& part, const Selector& selector,
                          const std::vector<Selector::Found>& found) {
  const size_t before = errors_.count();
  const bool is_optional = ReadOptional(part);
  for (const Selector::Found& place : found) {
    reports_[part.report].places.push_back(place.place->path);
  }
  if (found.empty()) {
    reports_[part.report].is_skipped = is_optional;
    if (!is_optional) selector.FailUnmatched(view_, part.origin, errors_);
  }
  errors_.BlameModifier(before, part.name);
  return errors_.count() == before;
}

void ModifierPlan::EditFields(const ModifierPart& part, const Place& place,
                              const std::vector<FieldEdit>& fields) {
  if (fields.empty()) return;
  Edit edit;
  edit.part = &part;
  edit.place = &place;
  edit.fields = fields;
  edits_.push_back(std::move(edit));
}

void ModifierPlan::PlanReplace(const ModifierPart& part) {
  Selector selector;
  std::vector<FieldEdit> fields;
  uint32_t offset = 0;
  if (!ReadSelector(part, "replace", selector)) return;
  const TypeInfo* type = ReadType(part, "with", fields, offset);
  if (type == nullptr) return;
  const auto found = selector.Select(view_, [&](const Place& place) {
    return place.node != nullptr && &place.node->info() == type && HasFields(*place.node, fields);
  });
  if (!Finish(part, selector, found)) return;
  for (const auto& [place, is_done] : found) {
    if (place->slot == nullptr) {
      Fail(part, part.json->offset, "", "a place below the root", "the whole config");
      return;
    }
    if (!type->HasRole(place->slot->role)) {
      Fail(part, offset, place->path,
           absl::StrCat("a type with the role ", place->slot->role, " (",
                        absl::StrJoin(registry_.Names(place->slot->role), ", "), ")"),
           absl::StrCat("'", type->name, "', whose role is ", RolesText(*type)),
           MeantName(type->name, registry_.Names(place->slot->role)));
      return;
    }
    if (&place->node->info() == type) {
      EditFields(part, *place, fields);
      continue;
    }
    Edit edit;
    edit.kind = Edit::Kind::kReplace;
    edit.part = &part;
    edit.place = place;
    edit.fields = fields;
    edit.type = type;
    edit.type_offset = offset;
    edits_.push_back(std::move(edit));
  }
}

void ModifierPlan::PlanWrap(const ModifierPart& part) {
  Selector selector;
  std::vector<FieldEdit> fields;
  uint32_t offset = 0;
  if (!ReadSelector(part, "wrap", selector)) return;
  const TypeInfo* type = ReadType(part, "with", fields, offset);
  if (type == nullptr) return;
  const FieldInfo* inner = type->InnerSlot();
  if (inner == nullptr) {
    std::vector<std::string> wrappers;
    for (const TypeInfo* other : registry_.List()) {
      if (other->InnerSlot() != nullptr && other->HasRole(other->InnerSlot()->role)) {
        wrappers.push_back(other->name);
      }
    }
    Fail(part, offset, "",
         absl::StrCat("a wrapper: a type with a slot marked `inner` (",
                      wrappers.empty() ? "there are none" : absl::StrJoin(wrappers, ", "), ")"),
         absl::StrCat("'", type->name, "', which has none"), MeantName(type->name, wrappers));
    return;
  }
  const auto found = selector.Select(view_);
  if (!Finish(part, selector, found)) return;
  for (const auto& [place, is_done] : found) {
    if (const Place* wrapper = view_.WrapperOf(*place, *type)) {
      EditFields(part, *wrapper, fields);
      continue;
    }
    if (&place->node->info() == type && place->is_wrapper()) continue;   // the wrapper itself
    if (place->slot == nullptr) {
      Fail(part, part.json->offset, "", "a place below the root", "the whole config");
      return;
    }
    if (!type->HasRole(place->slot->role) || !place->node->info().HasRole(inner->role)) {
      const bool is_outer = !type->HasRole(place->slot->role);
      Fail(part, offset, place->path,
           absl::StrCat("a wrapper for the role ", place->slot->role),
           absl::StrCat("'", type->name, "', which ",
                        is_outer ? absl::StrCat("has the role ", RolesText(*type))
                                 : absl::StrCat("wraps the role ", inner->role)));
      return;
    }
    Edit edit;
    edit.kind = Edit::Kind::kWrap;
    edit.part = &part;
    edit.place = place;
    edit.fields = fields;
    edit.type = type;
    edit.type_offset = offset;
    edits_.push_back(std::move(edit));
  }
}

void ModifierPlan::PlanSet(const ModifierPart& part) {
  Selector selector;
  std::vector<FieldEdit> fields;
  if (!ReadSelector(part, "in", selector)) return;
  if (!ReadFields(part, *FindMember(*part.json, "set"), false, fields)) return;
  const auto found = selector.Select(view_, [&](const Place& place) {
    return place.node != nullptr && (selector.type() == nullptr ||
                                     place.node->info().IsA(*selector.type())) &&
           !place.is_wrapper() && HasFields(*place.node, fields);
  });
  if (!Finish(part, selector, found)) return;
  for (const auto& [place, is_done] : found) EditFields(part, *place, fields);
}

void ModifierPlan::PlanUnset(const ModifierPart& part) {
  Selector selector;
  if (!ReadSelector(part, "in", selector)) return;
  const JsonValue& value = *FindMember(*part.json, "unset");
  std::vector<const JsonValue*> names;
  if (value.kind == JsonKind::kText) names.push_back(&value);
  for (const JsonValue& item : value.items) names.push_back(&item);
  std::vector<FieldEdit> fields;
  for (const JsonValue* name : names) {
    absl::StatusOr<std::vector<PathPart>> parts =
        name->kind == JsonKind::kText ? ParsePath(name->text)
                                      : absl::InvalidArgumentError("it is no text");
    if (!parts.ok()) {
      Fail(part, name->offset, "", "the path of a field or slot", Describe(*name), "",
           std::string(parts.status().message()));
      return;
    }
    fields.push_back({name->text, *std::move(parts), nullptr});
  }
  if (fields.empty()) {
    Fail(part, value.offset, "", "the path of a field or slot, or a list of them",
         Describe(value));
    return;
  }
  const auto found = selector.Select(view_);
  if (!Finish(part, selector, found)) return;
  for (const auto& [place, is_done] : found) EditFields(part, *place, fields);
}

bool ModifierPlan::CheckInsertable(const ModifierPart& part, const Place& owner,
                                   const FieldInfo* field, const FieldEdit& to,
                                   const TypeInfo* type, bool& is_there) {
  const JsonValue& item = *FindMember(*part.json, "insert");
  const std::string path = JoinConfigPath(owner.path, to.path);
  const std::vector<std::string> names = owner.node->info().FieldNames();
  if (field == nullptr) {
    Fail(part, to.value->offset, path,
         absl::StrCat("a slot or list of ", owner.node->type(), " (", absl::StrJoin(names, ", "),
                      ")"),
         Quoted(to.path), MeantName(to.path, names));
    return false;
  }
  if (field->kind != FieldKind::kSlot) {
    if (field->is_list) return true;
    Fail(part, to.value->offset, path, "a slot or a list", "a field with one value", "",
         "change it with `set`");
    return false;
  }
  if (type == nullptr || !type->HasRole(field->role)) {
    Fail(part, item.offset, path,
         absl::StrCat("a type with the role ", field->role, " (",
                      absl::StrJoin(registry_.Names(field->role), ", "), ")"),
         type == nullptr ? Describe(item)
                         : absl::StrCat("'", type->name, "', whose role is ", RolesText(*type)),
         MeantName(type == nullptr ? item.text : type->name, registry_.Names(field->role)));
    return false;
  }
  if (field->is_list) return true;
  const ConfigNode* there = owner.node->Child(field->name);
  is_there = there != nullptr && &there->info() == type;
  if (there == nullptr || is_there) return true;
  Fail(part, item.offset, path, "an empty slot", absl::StrCat("a ", there->type()), "",
       "put another type there with `replace`");
  return false;
}

void ModifierPlan::PlanInsert(const ModifierPart& part) {
  Selector selector;
  if (!ReadSelector(part, "in", selector)) return;
  const JsonValue& item = *FindMember(*part.json, "insert");
  const JsonValue* to = FindMember(*part.json, "to");
  FieldEdit where;
  if (to == nullptr || to->kind != JsonKind::kText || to->text.empty()) {
    Fail(part, to == nullptr ? part.json->offset : to->offset, "",
         "\"to\": the name of a slot or list", to == nullptr ? "nothing" : Describe(*to));
    return;
  }
  where = {to->text, {{to->text, -1}}, to};
  int64_t at = -1;
  const JsonValue* place_in_list = FindMember(*part.json, "at");
  if (place_in_list != nullptr &&
      (!absl::SimpleAtoi(place_in_list->text, &at) || place_in_list->kind != JsonKind::kNumber ||
       at < 0)) {
    Fail(part, place_in_list->offset, "", "\"at\": an index from 0", Describe(*place_in_list));
    return;
  }
  const auto found = selector.Select(view_);
  if (!Finish(part, selector, found)) return;
  for (const auto& [owner, is_done] : found) {
    const FieldInfo* field = owner->node->info().Find(to->text);
    std::vector<FieldEdit> fields;
    uint32_t offset = item.offset;
    const bool is_value = field != nullptr && field->kind != FieldKind::kSlot;
    const TypeInfo* type = is_value ? nullptr : ReadType(part, "insert", fields, offset);
    if (!is_value && type == nullptr) return;
    bool is_there = false;
    if (!CheckInsertable(part, *owner, field, where, type, is_there)) return;
    if (is_there) {
      for (const Place& place : view_.places()) {
        if (place.node != nullptr && place.node == owner->node->Child(field->name)) {
          EditFields(part, place, fields);
        }
      }
      continue;
    }
    Edit edit;
    edit.kind = Edit::Kind::kInsert;
    edit.part = &part;
    edit.place = owner;
    edit.fields = std::move(fields);
    edit.type = type;
    edit.type_offset = offset;
    edit.to = where;
    edit.item = &item;
    edit.at = at;
    edits_.push_back(std::move(edit));
  }
}

void ModifierPlan::PlanRemove(const ModifierPart& part) {
  Selector selector;
  if (!ReadSelector(part, "remove", selector)) return;
  const auto found = selector.Select(view_, [&](const Place& place) {
    // Emptied on purpose, or a list that was given and holds none.
    return place.node == nullptr && place.slot != nullptr && place.state == FieldState::kSet;
  });
  if (!Finish(part, selector, found)) return;
  for (const auto& [place, is_done] : found) {
    if (place->node == nullptr) continue;
    if (place->slot == nullptr || !(place->slot->is_optional || place->slot->is_list)) {
      std::vector<std::string> types =
          place->slot == nullptr ? std::vector<std::string>() : registry_.Names(place->slot->role);
      Fail(part, part.json->offset, place->path, "a slot that may be empty",
           place->slot == nullptr ? "the whole config" : "one that must be filled", "",
           types.empty() ? ""
                         : absl::StrCat("put another type there with `replace` (",
                                        absl::StrJoin(types, ", "), ")"));
      return;
    }
    Edit edit;
    edit.kind = Edit::Kind::kRemove;
    edit.part = &part;
    edit.place = place;
    edits_.push_back(std::move(edit));
  }
}

}  // namespace tessera
