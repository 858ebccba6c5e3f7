#include "cpp/config/path.h"

#include <optional>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "cpp/base/status_macros.h"
#include "cpp/base/suggest.h"
#include "cpp/base/text.h"
#include "cpp/config/config.h"
#include "cpp/config/field_check.h"
#include "cpp/config/json_document.h"
#include "cpp/config/json_printer.h"
#include "cpp/config/json_reader.h"

namespace tessera {
namespace {

// A list grows by one item at a time, so an index is bounded by what was set before.
constexpr int kLargestIndex = 1 << 20;

using Parts = std::vector<PathPart>;

std::string PathText(const Parts& parts, size_t count) {
  std::string text;
  for (size_t i = 0; i < count; ++i) {
    absl::StrAppend(&text, text.empty() ? "" : ".", parts[i].name);
    if (parts[i].index >= 0) absl::StrAppend(&text, "[", parts[i].index, "]");
  }
  return text;
}

// The field of a part. NOT_FOUND with the nearest name.
absl::StatusOr<const FieldInfo*> FieldOf(const TypeInfo& type, const Parts& parts, size_t at) {
  const std::string& name = parts[at].name;
  if (const FieldInfo* field = type.Find(name)) return field;
  const std::vector<std::string> names = type.FieldNames();
  std::string text = absl::StrCat(PathText(parts, at + 1), ": expected a field of ", type.name,
                                  " (", absl::StrJoin(names, ", "), "), got ", Quoted(name),
                                  SuggestionText(name, names));
  return absl::NotFoundError(text);
}

size_t IndexIn(const TypeInfo& type, const FieldInfo& field) {
  return static_cast<size_t>(&field - type.fields.data());
}

class Setter {
 public:
  Setter(const SchemaRegistry& registry, const Parts& parts, std::string_view text,
         const ConfigOrigin& origin, ConfigErrors& errors)
      : registry_(registry), parts_(parts), text_(absl::StripAsciiWhitespace(text)),
        origin_(origin), errors_(errors), own_(std::in_place, text_, *origin.source),
        document_(*own_) {}

  // Of a value in a document.
  Setter(const SchemaRegistry& registry, std::string_view prefix, const Parts& parts,
         const PathValue& given, ConfigErrors& errors)
      : registry_(registry), prefix_(prefix), parts_(parts), origin_(given.origin),
        errors_(errors), document_(given.document), given_(&given.value) {}

  void SetIn(ConfigNode& node, size_t at) {
    if (parts_[at].name == "type" && at + 1 == parts_.size()) {
      Fail(at, "the path of a slot, to put another type there", "the field 'type'");
      return;
    }
    ConfigNode& owner = node.OwnerOf(parts_[at].name);
    const FieldInfo* field = Find(owner.info(), at);
    if (field == nullptr) return;
    const size_t index = IndexIn(owner.info(), *field);
    if (field->kind == FieldKind::kSlot) {
      SetSlot(*field, owner.slot(index), at);
    } else {
      SetField(*field, owner.field(index), at);
    }
  }

 private:
  void Fail(size_t at, std::string expected, std::string got, std::string nearest = "") {
    errors_.Add({*origin_.source, origin_.line, origin_.column, PathUpTo(at), std::move(expected),
                 std::move(got), std::move(nearest), "", ""});
  }

  // Of the tree, with the part number `at`.
  std::string PathUpTo(size_t at) const {
    return JoinConfigPath(prefix_, PathText(parts_, std::min(at + 1, parts_.size())));
  }

  JsonReader Reader() {
    if (given_ == nullptr) return JsonReader(registry_, document_, errors_, origin_);
    JsonReader reader(registry_, document_, errors_);
    reader.set_modifier(origin_.modifier);
    return reader;
  }

  const FieldInfo* Find(const TypeInfo& type, size_t at) {
    if (const FieldInfo* field = type.Find(parts_[at].name)) return field;
    const std::vector<std::string> names = type.FieldNames();
    const std::string nearest = MeantName(parts_[at].name, names);
    Fail(at,
         names.empty() ? absl::StrCat("no fields in a ", type.name)
                       : absl::StrCat("a field of ", type.name, " (", absl::StrJoin(names, ", "),
                                      ")"),
         Quoted(parts_[at].name), nearest);
    return nullptr;
  }

  // Does the part's index fit a list of `size` that may grow by one?
  bool CheckIndex(const FieldInfo& field, size_t at, size_t size) {
    const int index = parts_[at].index;
    if (index >= 0 && !field.is_list) {
      Fail(at, "no index, the field is no list", absl::StrCat("[", index, "]"));
      return false;
    }
    if (index >= 0 && static_cast<size_t>(index) > size) {
      Fail(at, absl::StrCat("an index up to ", size), absl::StrCat(index));
      return false;
    }
    return true;
  }

  // The given value as JSON. Texts and names of types and enum members need no quotes.
  const JsonValue* Given(const FieldInfo& field, size_t at) {
    if (given_ != nullptr) return given_;
    const bool wants_text = field.kind == FieldKind::kText || field.kind == FieldKind::kEnum ||
                            field.kind == FieldKind::kSlot;
    const char first = text_.empty() ? '\0' : text_[0];
    const bool as_json = !wants_text || first == '"' || first == '[' || first == '{';
    if (!as_json) {
      plain_.kind = text_ == "null" ? JsonValue::Kind::kNull : JsonValue::Kind::kText;
      plain_.text = std::string(text_);
      if (ValidUtf8Prefix(text_) == text_.size()) return &plain_;
    }
    if (text_ == "null") {
      plain_.kind = JsonValue::Kind::kNull;
      return &plain_;
    }
    ConfigErrors syntax;
    if (own_->Parse(syntax)) return &document_.root();
    Fail(at, field.Expected(), Quoted(text_));
    return nullptr;
  }

  void SetSlot(const FieldInfo& field, ConfigNode::Slot& slot, size_t at) {
    const PathPart& part = parts_[at];
    if (!CheckIndex(field, at, slot.children.size())) return;
    const bool last = at + 1 == parts_.size();
    if (last) {
      const JsonValue* value = Given(field, at);
      if (value == nullptr) return;
      JsonReader reader = Reader();
      const std::string path = PathUpTo(at);
      if (part.index < 0) {
        reader.ReadSlot(*value, field, path, slot);
        return;
      }
      ConfigNode::Slot item;
      FieldInfo single = field;
      single.is_list = false;
      reader.ReadSlot(*value, single, path, item);
      if (item.children.empty()) return;
      PutChild(slot, static_cast<size_t>(part.index), std::move(item.children.front()));
      return;
    }
    ConfigNode* child = Descend(field, slot, at);
    if (child != nullptr) SetIn(*child, at + 1);
  }

  void PutChild(ConfigNode::Slot& slot, size_t index, std::unique_ptr<ConfigNode> child) {
    if (index == slot.children.size()) slot.children.emplace_back();
    slot.children[index] = std::move(child);
    if (slot.state != FieldState::kSet) slot.origin = origin_;
    slot.state = FieldState::kSet;
  }

  // The child that the path goes through, made when there is none.
  ConfigNode* Descend(const FieldInfo& field, ConfigNode::Slot& slot, size_t at) {
    if (field.is_list && parts_[at].index < 0) {
      Fail(at, absl::StrCat("an index, as in ", field.name, "[0]"), "none");
      return nullptr;
    }
    const size_t index = field.is_list ? static_cast<size_t>(parts_[at].index) : 0;
    if (index < slot.children.size()) {
      slot.state = FieldState::kSet;
      return slot.children[index].get();
    }
    const std::string& usual = field.default_type.empty() ? field.usual_type : field.default_type;
    const TypeInfo* type = registry_.Find(usual);
    if (type == nullptr) {
      Fail(at,
           absl::StrCat("a type in this slot first (",
                        absl::StrJoin(registry_.Names(field.role), ", "), ")"),
           "an empty slot");
      return nullptr;
    }
    auto made = std::make_unique<ConfigNode>(type);
    made->set_origin(origin_);
    ConfigNode* child = made.get();
    PutChild(slot, index, std::move(made));
    return child;
  }

  void SetField(const FieldInfo& field, ConfigNode::Field& stored, size_t at) {
    ConfigValue value = stored.state == FieldState::kSet ? stored.value : ConfigValue();
    if (!SetValue(field, value, at)) return;
    if (value.empty()) {
      stored = {};
    } else {
      stored = {FieldState::kSet, std::move(value), origin_};
    }
  }

  // Sets a field's value or a part of it. False after an error. null gives nothing.
  bool SetValue(const FieldInfo& field, ConfigValue& value, size_t at) {
    const int index = parts_[at].index;
    const bool last = at + 1 == parts_.size();
    const size_t size = value.AsList() == nullptr ? 0 : value.AsList()->size();
    if (!CheckIndex(field, at, size)) return false;
    if (index >= 0) {
      if (value.AsList() == nullptr) value = ConfigValue(ConfigValue::List());
      ConfigValue item;
      if (static_cast<size_t>(index) < size) item = (*value.AsList())[index];
      if (!(last ? ReadHere(field, item, at, true) : SetInTable(field, item, at))) return false;
      if (static_cast<size_t>(index) == size) value.AsList()->emplace_back();
      (*value.AsList())[index] = std::move(item);
      return true;
    }
    return last ? ReadHere(field, value, at, false) : SetInTable(field, value, at);
  }

  bool SetInTable(const FieldInfo& field, ConfigValue& value, size_t at) {
    if (field.kind != FieldKind::kTable || (field.is_list && parts_[at].index < 0)) {
      Fail(at,
           field.kind == FieldKind::kTable
               ? absl::StrCat("an index, as in ", field.name, "[0]")
               : absl::StrCat("the end of the path, ", field.name, " has no fields"),
           absl::StrCat("'.", parts_[at + 1].name, "'"));
      return false;
    }
    const FieldInfo* inner = Find(*field.table, at + 1);
    if (inner == nullptr) return false;
    ConfigValue entry;
    if (const ConfigValue* old = value.Find(inner->name)) entry = *old;
    if (!SetValue(*inner, entry, at + 1)) return false;
    // Entries stand in the schema's order.
    ConfigValue::Table entries;
    for (const FieldInfo& info : field.table->fields) {
      const ConfigValue* old = value.Find(info.name);
      if (&info == inner) {
        if (!entry.empty()) entries.emplace_back(info.name, std::move(entry));
      } else if (old != nullptr) {
        entries.emplace_back(info.name, *old);
      }
    }
    value = ConfigValue(std::move(entries));
    return true;
  }

  bool ReadHere(const FieldInfo& field, ConfigValue& value, size_t at, bool is_item) {
    const JsonValue* given = Given(field, at);
    if (given == nullptr) return false;
    if (given->kind == JsonValue::Kind::kNull && !is_item) {
      value = ConfigValue();
      return true;
    }
    JsonReader reader = Reader();
    const std::string path = PathUpTo(at);
    std::optional<ConfigValue> read = is_item ? reader.ReadElement(*given, field, path)
                                              : reader.ReadValue(*given, field, path);
    if (!read.has_value()) return false;
    value = *std::move(read);
    return true;
  }

  const SchemaRegistry& registry_;
  const std::string_view prefix_;
  const Parts& parts_;
  const std::string_view text_;
  const ConfigOrigin& origin_;
  ConfigErrors& errors_;
  std::optional<JsonDocument> own_;
  const JsonDocument& document_;
  const JsonValue* given_ = nullptr;
  JsonValue plain_;
};

// The node of the last part's parent, or nullptr when a slot on the way is empty.
absl::StatusOr<const ConfigNode*> ParentOf(const SchemaRegistry* registry, const ConfigNode& root,
                                           const Parts& parts, size_t& at,
                                           std::vector<std::unique_ptr<ConfigNode>>& made) {
  const ConfigNode* node = &root;
  for (at = 0; at + 1 < parts.size(); ++at) {
    node = &node->OwnerOf(parts[at].name);
    ASSIGN_OR_RETURN(const FieldInfo* field, FieldOf(node->info(), parts, at));
    if (field->kind != FieldKind::kSlot) return node;   // the rest is inside a value
    const size_t index = parts[at].index < 0 ? 0 : static_cast<size_t>(parts[at].index);
    const ConfigNode::Slot* slot = node->FindSlot(field->name);
    node = node->Child(field->name, index);
    if (node == nullptr && registry != nullptr && slot->state == FieldState::kUnset) {
      const TypeInfo* type = registry->Find(field->default_type);
      if (type != nullptr && index == 0) {
        made.push_back(std::make_unique<ConfigNode>(type));
        node = made.back().get();
      }
    }
    if (node == nullptr) {
      return absl::NotFoundError(absl::StrCat(PathText(parts, at + 1), ": the slot is empty"));
    }
  }
  return &node->OwnerOf(parts[at].name);
}

// Follows the rest of a path inside a value.
absl::StatusOr<ConfigValue> Inside(const FieldInfo& field, ConfigValue value, const Parts& parts,
                                   size_t at) {
  if (parts[at].index >= 0) {
    const ConfigValue::List* list = value.AsList();
    if (list == nullptr || static_cast<size_t>(parts[at].index) >= list->size()) {
      return absl::NotFoundError(absl::StrCat(PathText(parts, at + 1), ": there is no such item"));
    }
    value = ConfigValue((*list)[parts[at].index]);
  }
  if (at + 1 == parts.size()) return value;
  if (field.kind != FieldKind::kTable) {
    return absl::NotFoundError(
        absl::StrCat(PathText(parts, at + 1), ": has no field ", Quoted(parts[at + 1].name)));
  }
  ASSIGN_OR_RETURN(const FieldInfo* inner, FieldOf(*field.table, parts, at + 1));
  const ConfigValue* entry = value.Find(inner->name);
  return Inside(*inner, entry != nullptr ? *entry : inner->fallback, parts, at + 1);
}

}  // namespace

absl::StatusOr<std::vector<PathPart>> ParsePath(std::string_view path) {
  const auto bad = [path](std::string_view what) {
    return absl::InvalidArgumentError(absl::StrCat("config path ", Quoted(path), ": ", what));
  };
  std::vector<PathPart> parts;
  for (std::string_view text : absl::StrSplit(path, '.')) {
    PathPart part;
    const size_t bracket = text.find('[');
    part.name = std::string(text.substr(0, bracket));
    if (part.name.empty()) return bad("expected a field name, got nothing");
    if (bracket != std::string_view::npos) {
      const std::string_view digits = text.substr(bracket + 1);
      if (digits.size() < 2 || digits.back() != ']' ||
          !absl::SimpleAtoi(digits.substr(0, digits.size() - 1), &part.index) || part.index < 0 ||
          part.index > kLargestIndex) {
        return bad(absl::StrCat("expected an index such as [0], got ",
                                Quoted(text.substr(bracket))));
      }
    }
    parts.push_back(std::move(part));
  }
  if (parts.size() > ConfigLimits::kDepth) {
    return bad(absl::StrCat("expected at most ", ConfigLimits::kDepth, " parts"));
  }
  return parts;
}

void SetByPath(const SchemaRegistry& registry, ConfigNode& root, std::string_view path,
               std::string_view value, const ConfigOrigin& origin, ConfigErrors& errors) {
  absl::StatusOr<Parts> parts = ParsePath(path);
  if (!parts.ok()) {
    errors.Add({*origin.source, 0, 0, "", "a path such as trainer.steps", Quoted(path), "",
                std::string(parts.status().message()), ""});
    return;
  }
  Setter(registry, *parts, value, origin, errors).SetIn(root, 0);
}

void SetByPath(const SchemaRegistry& registry, ConfigNode& node, std::string_view prefix,
               const std::vector<PathPart>& parts, const PathValue& value, ConfigErrors& errors) {
  Setter(registry, prefix, parts, value, errors).SetIn(node, 0);
}

absl::Status UnsetByPath(ConfigNode& root, std::string_view path) {
  ASSIGN_OR_RETURN(const Parts parts, ParsePath(path));
  size_t at = 0;
  std::vector<std::unique_ptr<ConfigNode>> made;
  ASSIGN_OR_RETURN(const ConfigNode* found, ParentOf(nullptr, root, parts, at, made));
  ConfigNode* node = const_cast<ConfigNode*>(found);   // of `root`, which is not const
  ASSIGN_OR_RETURN(const FieldInfo* field, FieldOf(node->info(), parts, at));
  if (at + 1 != parts.size() || parts[at].index >= 0) {
    return absl::InvalidArgumentError(
        absl::StrCat(path, ": expected a whole field or slot, got a part of one"));
  }
  const size_t index = IndexIn(node->info(), *field);
  node->field(index) = {};
  node->slot(index) = {};
  return absl::OkStatus();
}

absl::StatusOr<std::string> GetByPath(const SchemaRegistry& registry, const ConfigNode& root,
                                      std::string_view path) {
  if (path.empty()) return PrintLine(root);
  ASSIGN_OR_RETURN(const Parts parts, ParsePath(path));
  size_t at = 0;
  std::vector<std::unique_ptr<ConfigNode>> made;
  ASSIGN_OR_RETURN(const ConfigNode* node, ParentOf(&registry, root, parts, at, made));
  if (parts[at].name == "type" && at + 1 == parts.size()) return JsonQuoted(node->type());
  ASSIGN_OR_RETURN(const FieldInfo* field, FieldOf(node->info(), parts, at));
  if (field->kind != FieldKind::kSlot) {
    const ConfigValue* value = node->Value(field->name);
    ASSIGN_OR_RETURN(const ConfigValue found,
                     Inside(*field, value != nullptr ? *value : field->fallback, parts, at));
    return found.ToJson();
  }
  const ConfigNode::Slot& slot = *node->FindSlot(field->name);
  if (parts[at].index >= 0 || !field->is_list) {
    const size_t index = parts[at].index < 0 ? 0 : static_cast<size_t>(parts[at].index);
    if (const ConfigNode* child = node->Child(field->name, index)) return PrintLine(*child);
    const TypeInfo* type = registry.Find(field->default_type);
    if (slot.state == FieldState::kUnset && type != nullptr) return PrintLine(ConfigNode(type));
    return "null";
  }
  std::vector<std::string> children;
  for (const auto& child : slot.children) children.push_back(PrintLine(*child));
  return absl::StrCat("[", absl::StrJoin(children, ", "), "]");
}

}  // namespace tessera
