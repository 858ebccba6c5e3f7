#include "cpp/config/resolve.h"

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "cpp/config/field_check.h"
#include "cpp/config/json_reader.h"

namespace tessera {
namespace {

// What types above give to fields below, and who does.
struct Dictated {
  ConfigValue value;
  std::string path;
};
using Flows = std::map<std::string, Dictated, std::less<>>;

class Resolver {
 public:
  Resolver(const SchemaRegistry& registry, const ConfigNode& root, const ResolveOptions& options,
           ConfigErrors& errors)
      : registry_(registry), root_(root), options_(options), errors_(errors) {}

  // `like`: a node of the same type whose settings count where `node` has none; or null.
  void Resolve(ConfigNode& node, Flows flows, const std::string& path,
               const ConfigNode* like = nullptr) {
    above_.push_back(&node);
    for (size_t i = 0; i < node.info().fields.size(); ++i) {
      const FieldInfo& field = node.info().fields[i];
      if (field.kind != FieldKind::kSlot) ResolveField(node, i, flows, path, like);
    }
    for (size_t i = 0; i < node.info().fields.size(); ++i) {
      const FieldInfo& field = node.info().fields[i];
      if (field.kind == FieldKind::kSlot) continue;
      if (!field.divides.empty()) CheckDivides(node, i, path);
      if (!field.at_least.empty()) CheckAtLeast(node, i, path);
      // Without a value, which is an error of its own, nothing below is blamed for lacking it.
      if (!field.flows.empty()) {
        flows[field.flows] = {node.field(i).value, JoinConfigPath(path, field.name)};
      }
    }
    for (size_t i = 0; i < node.info().fields.size(); ++i) {
      if (node.info().fields[i].kind == FieldKind::kSlot) ResolveSlot(node, i, flows, path, like);
    }
    above_.pop_back();
  }

 private:
  static std::string Blamed(const ConfigOrigin& origin) {
    return origin.modifier == 0 ? "" : absl::StrCat("modifier ", origin.modifier);
  }

  void Fail(const ConfigOrigin& origin, const std::string& path, std::string expected,
            std::string got, std::string hint, const std::string& doc) {
    errors_.Add({origin.source == nullptr ? "" : *origin.source, origin.line, origin.column, path,
                 std::move(expected), std::move(got), "", std::move(hint), doc, false,
                 Blamed(origin)});
  }

  void FailMissing(const ConfigNode& node, const std::string& path, const std::string& parent,
                   const std::string& name, std::string expected, const std::string& doc) {
    if (!options_.require || errors_.HasAt(path) || errors_.HasMeant(parent, name)) return;
    const ConfigOrigin& origin = node.origin();
    errors_.Add({origin.source == nullptr ? "" : *origin.source, origin.line, origin.column, path,
                 std::move(expected), "nothing", "", absl::StrCat("required: ", doc), doc, true,
                 Blamed(origin)});
  }

  void ResolveField(ConfigNode& node, size_t index, const Flows& flows, const std::string& path,
                    const ConfigNode* like) {
    const FieldInfo& info = node.info().fields[index];
    ConfigNode::Field& field = node.field(index);
    const std::string where = JoinConfigPath(path, info.name);
    const auto above = flows.find(info.flows);
    if (field.state == FieldState::kSet) {
      if (above != flows.end() && !above->second.value.empty() &&
          !(InKind(info, above->second.value) == field.value)) {
        Fail(field.origin, where,
             absl::StrCat(above->second.value.ToJson(), ", which ", above->second.path,
                          " dictates"),
             field.value.ToJson(), "leave the field out", info.doc);
      }
      FillTables(node, info, field.value, where);
      return;
    }
    field = {FieldState::kDefault, info.fallback, {}};
    const auto inherited = flows.find(info.inherits);
    if (above != flows.end()) {
      Take(node, info, above->second, where, field);
      if (field.value.empty()) return;
    } else if (like != nullptr && like->field(index).state == FieldState::kSet) {
      field.value = like->field(index).value;
      field.origin = like->field(index).origin;
    } else if (inherited != flows.end() && !inherited->second.value.empty()) {
      Take(node, info, inherited->second, where, field);
    } else if (std::optional<ConfigValue> followed = LookUp(info.follows);
               followed.has_value() && !errors_.HasAt(info.follows)) {
      field.value = *std::move(followed);
      field.origin = ConfigOrigin::Call(absl::StrCat("from ", info.follows));
    }
    if (field.value.empty()) {
      field.state = FieldState::kUnset;
      if (info.is_required) {
        FailMissing(node, where, path, info.name, info.Expected(), info.doc);
      }
      return;
    }
    FillTables(node, info, field.value, where);
  }

  // An integer for a field of numbers is a number.
  static ConfigValue InKind(const FieldInfo& info, ConfigValue value) {
    if (info.kind != FieldKind::kFloat || value.AsInt() == nullptr) return value;
    return ConfigValue(static_cast<double>(*value.AsInt()));
  }

  static bool IsOfKind(const FieldInfo& info, const ConfigValue& value) {
    if (info.is_list) return value.AsList() != nullptr;
    switch (info.kind) {
      case FieldKind::kBool:
        return value.AsBool() != nullptr;
      case FieldKind::kInt:
        return value.AsInt() != nullptr;
      case FieldKind::kFloat:
        return value.AsFloat() != nullptr;
      case FieldKind::kText:
      case FieldKind::kEnum:
        return value.AsText() != nullptr;
      default:
        return true;
    }
  }

  // What was given from above becomes the field's value, when it fits.
  void Take(const ConfigNode& node, const FieldInfo& info, const Dictated& given,
            const std::string& where, ConfigNode::Field& field) {
    field.value = InKind(info, given.value);
    field.origin = ConfigOrigin::Call(absl::StrCat("from ", given.path));
    if (field.value.empty()) {
      field.state = FieldState::kUnset;
      return;
    }
    std::string got = IsOfKind(info, field.value) ? "" : GotText(field.value);
    if (got.empty() && !info.is_list) got = FitElement(info, field.value);
    if (got.empty()) return;
    Fail(node.origin(), where, info.Expected(), absl::StrCat(got, " from ", given.path), "",
         info.doc);
    field = {FieldState::kUnset, {}, {}};
  }

  // Defaults inside nested plain tables.
  void FillTables(const ConfigNode& node, const FieldInfo& info, ConfigValue& value,
                  const std::string& path) {
    if (info.kind != FieldKind::kTable) return;
    if (ConfigValue::List* list = value.AsList()) {
      for (size_t i = 0; i < list->size(); ++i) {
        FillTable(node, *info.table, (*list)[i], absl::StrCat(path, "[", i, "]"));
      }
    } else {
      FillTable(node, *info.table, value, path);
    }
  }

  void FillTable(const ConfigNode& node, const TypeInfo& type, ConfigValue& value,
                 const std::string& path) {
    ConfigValue::Table filled;
    for (const FieldInfo& info : type.fields) {
      const ConfigValue* given = value.Find(info.name);
      ConfigValue entry = given != nullptr ? *given : info.fallback;
      const std::string where = JoinConfigPath(path, info.name);
      if (entry.empty()) {
        if (info.is_required) {
          FailMissing(node, where, path, info.name, info.Expected(), info.doc);
        }
        continue;
      }
      // A table whose default holds itself would not end: what was not given stays empty.
      if (given != nullptr) FillTables(node, info, entry, where);
      filled.emplace_back(info.name, std::move(entry));
    }
    value = ConfigValue(std::move(filled));
  }

  void ResolveSlot(ConfigNode& node, size_t index, const Flows& flows, const std::string& path,
                   const ConfigNode* like) {
    const FieldInfo& info = node.info().fields[index];
    ConfigNode::Slot& slot = node.slot(index);
    const std::string where = JoinConfigPath(path, info.name);
    if (!Exists(node, info)) {
      if (slot.state != FieldState::kSet) slot.children.clear();
      if (slot.children.empty()) return;
      Fail(slot.origin, where, "nothing", std::string(slot.children.front()->type()),
           absl::StrCat("the slot exists only if ", info.only_if.text()), info.doc);
      return;
    }
    const ConfigNode::Slot* model = ModelOf(info, index, like);
    if (slot.state == FieldState::kUnset && !errors_.HasAt(where)) {
      if (model != nullptr && model->state == FieldState::kSet) {
        FillAsIn(*model, slot);
      } else {
        FillSlot(node, info, slot, where, path);
      }
    }
    if (slot.children.empty()) return;
    const Flows below = FlowsBelow(node, info, flows, path);
    const bool is_default = slot.state == FieldState::kDefault;
    if (is_default) filling_.push_back(&slot.children.front()->info());
    for (size_t k = 0; k < slot.children.size(); ++k) {
      ConfigNode& child = *slot.children[k];
      const ConfigNode* same = nullptr;
      if (model != nullptr && k < model->children.size() &&
          &model->children[k]->info() == &child.info()) {
        same = model->children[k].get();
      }
      Resolve(child, below, info.is_list ? absl::StrCat(where, "[", k, "]") : where, same);
    }
    if (is_default) filling_.pop_back();
  }

  // The slot whose settings count where slot `index` says nothing; or null.
  const ConfigNode::Slot* ModelOf(const FieldInfo& info, size_t index,
                                  const ConfigNode* like) const {
    if (info.like.empty()) return like == nullptr ? nullptr : &like->slot(index);
    for (size_t i = above_.size() - 1; i-- > 0;) {
      if (const ConfigNode::Slot* found = above_[i]->FindSlot(info.like)) return found;
    }
    return nullptr;
  }

  // The same types; what was said about them is taken over on resolving.
  static void FillAsIn(const ConfigNode::Slot& model, ConfigNode::Slot& slot) {
    slot.state = FieldState::kDefault;
    slot.origin = model.origin;
    for (const auto& child : model.children) {
      slot.children.push_back(std::make_unique<ConfigNode>(&child->info()));
      slot.children.back()->set_origin(child->origin());
    }
  }

  // A condition on what is missing is not held against the slot.
  static bool Exists(const ConfigNode& node, const FieldInfo& slot) {
    return slot.only_if.empty() || !slot.only_if.HasOperands(node) ||
           IsTruth(slot.only_if.Evaluate(node));
  }

  // What the children of a slot are given: what flows here, and what the slot adds.
  Flows FlowsBelow(const ConfigNode& node, const FieldInfo& info, const Flows& flows,
                   const std::string& path) {
    Flows below = flows;
    for (const GivenValue& given : info.gives) {
      const std::string by = absl::StrCat(path.empty() ? node.type() : path, " (", given.name,
                                          " = ", given.formula.text(), ")");
      ConfigValue value = given.formula.Evaluate(node);
      if (value.empty() && given.formula.HasOperands(node)) {
        Fail(node.origin(), JoinConfigPath(path, info.name), "a number that fits 64 bits",
             absl::StrCat("another from ", by), "", info.doc);
      }
      below[given.name] = {std::move(value), by};
    }
    return below;
  }

  void FillSlot(const ConfigNode& node, const FieldInfo& info, ConfigNode::Slot& slot,
                const std::string& where, const std::string& path) {
    const TypeInfo* type =
        info.default_type.empty() ? nullptr : registry_.Find(info.default_type);
    if (type == nullptr) {
      if (!info.is_optional && !info.is_list) {
        FailMissing(node, where, path, info.name,
                    absl::StrCat("a type with the role ", info.role, " (",
                                 absl::StrJoin(registry_.Names(info.role), ", "), ")"),
                    info.doc);
      }
      return;
    }
    // A type that holds itself by default would never end.
    for (const TypeInfo* parent : filling_) {
      if (parent == type) {
        Fail(node.origin(), where, absl::StrCat("a type with the role ", info.role), "nothing",
             absl::StrCat("its default ", type->name, " stands inside itself"), info.doc);
        return;
      }
    }
    slot.state = FieldState::kDefault;
    slot.children.push_back(std::make_unique<ConfigNode>(type));
    // What a default lacks is reported where its surroundings stand in the file.
    slot.children.back()->set_origin(node.origin());
  }

  static const int64_t* IntOf(const ConfigNode& node, std::string_view name) {
    const ConfigValue* value = node.Value(name);
    return value == nullptr ? nullptr : value->AsInt();
  }

  void CheckDivides(const ConfigNode& node, size_t index, const std::string& path) {
    const FieldInfo& info = node.info().fields[index];
    const int64_t* divisor = IntOf(node, info.name);
    const int64_t* whole = IntOf(node, info.divides);
    const int64_t* unless = IntOf(node, info.unless);
    if (divisor == nullptr || whole == nullptr || *divisor <= 0) return;
    if (unless != nullptr && *unless != 0) return;
    if (*whole % *divisor == 0) return;
    const ConfigOrigin& own = node.field(index).origin;
    Fail(own.line > 0 || node.field(index).state == FieldState::kSet ? own : node.origin(),
         JoinConfigPath(path, info.name),
         absl::StrCat("a divisor of ", info.divides, " = ", *whole), absl::StrCat(*divisor),
         info.unless.empty() ? "" : absl::StrCat("or set ", info.unless), info.doc);
  }

  void CheckAtLeast(const ConfigNode& node, size_t index, const std::string& path) {
    const FieldInfo& info = node.info().fields[index];
    const int64_t* value = IntOf(node, info.name);
    const std::optional<ConfigValue> bound = LookUp(info.at_least);
    if (value == nullptr || !bound.has_value() || bound->AsInt() == nullptr) return;
    if (*value >= *bound->AsInt()) return;
    Fail(node.field(index).origin, JoinConfigPath(path, info.name),
         absl::StrCat("at least ", info.at_least, " = ", *bound->AsInt()), absl::StrCat(*value),
         "", info.doc);
  }

  // The value at a path from the root, defaults included; nothing where the path does not lead.
  std::optional<ConfigValue> LookUp(std::string_view path) const {
    if (path.empty()) return std::nullopt;
    const ConfigNode* node = &root_;
    const TypeInfo* type = &root_.info();
    const std::vector<std::string_view> parts = absl::StrSplit(path, '.');
    for (size_t i = 0; i < parts.size(); ++i) {
      const FieldInfo* info = type->Find(parts[i]);
      if (info == nullptr) return std::nullopt;
      if (info->kind == FieldKind::kSlot) {
        node = node == nullptr ? nullptr : node->Child(info->name);
        type = node != nullptr ? &node->info() : registry_.Find(info->default_type);
        if (type == nullptr) return std::nullopt;
        continue;
      }
      if (i + 1 != parts.size()) return std::nullopt;
      const ConfigValue* value = node == nullptr ? nullptr : node->Value(info->name);
      const ConfigValue& found = value != nullptr ? *value : info->fallback;
      if (found.empty()) return std::nullopt;
      return found;
    }
    return std::nullopt;
  }

  const SchemaRegistry& registry_;
  const ConfigNode& root_;
  const ResolveOptions& options_;
  ConfigErrors& errors_;
  std::vector<const ConfigNode*> above_;   // the node at hand and what it stands in
  std::vector<const TypeInfo*> filling_;   // defaults inside each other, the outermost first
};

}  // namespace

void ResolveTree(const SchemaRegistry& registry, ConfigNode& root, const ResolveOptions& options,
                 ConfigErrors& errors) {
  Resolver(registry, root, options, errors).Resolve(root, {}, "");
}

}  // namespace tessera
