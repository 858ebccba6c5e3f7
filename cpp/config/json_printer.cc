#include "cpp/config/json_printer.h"

#include <algorithm>
#include <functional>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "cpp/base/text.h"
#include "cpp/config/json_reader.h"

namespace tessera {
namespace {

// What a node on one line may come up to.
constexpr size_t kColumns = 180;

bool HasDollar(const ConfigValue& value) {
  const std::string* text = value.AsText();
  if (text != nullptr) return !text->empty() && text->front() == '$';
  bool has = false;
  if (const ConfigValue::List* list = value.AsList()) {
    for (const ConfigValue& item : *list) has = has || HasDollar(item);
  }
  if (const ConfigValue::Table* table = value.AsTable()) {
    for (const auto& [name, entry] : *table) has = has || HasDollar(entry);
  }
  return has;
}

// As it is written in a config, where a text with a '$' at its start names a parameter.
std::string Written(ConfigValue value) {
  const std::function<void(ConfigValue&)> escape = [&escape](ConfigValue& part) {
    if (const std::string* text = part.AsText(); text != nullptr && HasDollar(part)) {
      part = ConfigValue("$" + *text);
    }
    if (ConfigValue::List* list = part.AsList()) {
      for (ConfigValue& item : *list) escape(item);
    }
    if (ConfigValue::Table* table = part.AsTable()) {
      for (auto& [name, entry] : *table) escape(entry);
    }
  };
  if (HasDollar(value)) escape(value);
  return value.ToJson();
}

class Printer {
 public:
  explicit Printer(const PrintOptions& options) : options_(options) {}

  void Node(const ConfigNode& node, const std::string& indent, const ConfigOrigin& origin) {
    Line("{", nullptr);
    const std::string inner = indent + "  ";
    Start(inner, "type", true);
    text_ += JsonQuoted(node.type());
    pending_ = &origin;
    for (size_t i = 0; i < node.info().fields.size(); ++i) {
      const FieldInfo& info = node.info().fields[i];
      if (info.kind == FieldKind::kSlot) {
        Slot(info, node.slot(i), inner);
        continue;
      }
      const ConfigNode::Field& field = node.field(i);
      if (field.value.empty() || !(options_.everything || field.state == FieldState::kSet)) {
        continue;
      }
      Start(inner, info.name, false);
      text_ += Written(field.value);
      pending_ = &field.origin;
    }
    End();
    text_ += indent + "}";
  }

  std::string Finish() {
    text_ += "\n";
    return std::move(text_);
  }

 private:
  void Slot(const FieldInfo& info, const ConfigNode::Slot& slot, const std::string& inner) {
    if (!(options_.everything || slot.state == FieldState::kSet)) return;
    if (slot.children.empty()) {
      if (!info.is_list && !info.is_optional) return;   // not resolved
      Start(inner, info.name, false);
      text_ += info.is_list ? "[]" : "null";
      pending_ = &slot.origin;
      return;
    }
    Start(inner, info.name, false);
    if (!info.is_list && PutOnLine(*slot.children.front())) return;
    if (!info.is_list) {
      Node(*slot.children.front(), inner, slot.origin);
      return;
    }
    Line("[", nullptr);
    for (size_t i = 0; i < slot.children.size(); ++i) {
      if (i > 0) Line(",", nullptr);
      text_ += inner + "  ";
      Node(*slot.children[i], inner + "  ", slot.children[i]->origin());
    }
    Line("", nullptr);
    text_ += inner + "]";
  }

  // A node below which nothing can stand, where a line has room for it: a model has many
  // projections and norms, all alike.
  bool PutOnLine(const ConfigNode& node) {
    if (options_.origins) return false;
    for (size_t i = 0; i < node.info().fields.size(); ++i) {
      const FieldKind kind = node.info().fields[i].kind;
      if (kind == FieldKind::kSlot || kind == FieldKind::kTable) return false;
      if (HasDollar(node.field(i).value)) return false;
    }
    const std::string line = PrintLine(node, options_.everything);
    if (text_.size() - (text_.rfind('\n') + 1) + line.size() > kColumns) return false;
    text_ += line;
    return true;
  }

  // Begins a member; ends the line of the one before.
  void Start(const std::string& indent, std::string_view name, bool first) {
    if (!first) {
      text_ += ",";
      End();
    }
    absl::StrAppend(&text_, indent, JsonQuoted(name), ": ");
  }

  void End() {
    const ConfigOrigin* origin = pending_;
    pending_ = nullptr;
    Line("", origin);
  }

  void Line(std::string_view end, const ConfigOrigin* origin) {
    absl::StrAppend(&text_, end);
    if (options_.origins && origin != nullptr) {
      // A line break inside would end the comment; a file name need not be UTF-8.
      std::string comment = origin->ToText();
      comment.resize(std::min(comment.find('\n'), comment.size()));
      if (!IsValidUtf8(comment)) comment = Quoted(comment);
      const size_t start = text_.rfind('\n') + 1;
      const size_t width = text_.size() - start;
      absl::StrAppend(&text_, std::string(width < 40 ? 40 - width : 1, ' '), "// ", comment);
    }
    text_ += "\n";
  }

  const PrintOptions options_;
  const ConfigOrigin* pending_ = nullptr;
  std::string text_;
};

void FlattenInto(const ConfigNode& node, const std::string& path, const ConfigOrigin& origin,
                 std::map<std::string, FlatEntry>& flat) {
  flat[path] = {JsonQuoted(node.type()), origin.ToText()};
  for (size_t i = 0; i < node.info().fields.size(); ++i) {
    const FieldInfo& info = node.info().fields[i];
    const std::string where = JoinConfigPath(path, info.name);
    const ConfigNode::Field& field = node.field(i);
    if (!field.value.empty()) flat[where] = {field.value.ToJson(), field.origin.ToText()};
    const ConfigNode::Slot& slot = node.slot(i);
    if (slot.state == FieldState::kSet && slot.children.empty()) {
      flat[where] = {info.is_list ? "[]" : "null", slot.origin.ToText()};
    }
    for (size_t k = 0; k < slot.children.size(); ++k) {
      FlattenInto(*slot.children[k], info.is_list ? absl::StrCat(where, "[", k, "]") : where,
                  info.is_list ? slot.children[k]->origin() : slot.origin, flat);
    }
  }
}

}  // namespace

std::string PrintTree(const ConfigNode& root, const PrintOptions& options) {
  Printer printer(options);
  printer.Node(root, "", root.origin());
  return printer.Finish();
}

std::string PrintLine(const ConfigNode& node, bool everything) {
  std::string text = absl::StrCat("{\"type\": ", JsonQuoted(node.type()));
  for (size_t i = 0; i < node.info().fields.size(); ++i) {
    const FieldInfo& info = node.info().fields[i];
    const ConfigValue& value = node.field(i).value;
    const ConfigNode::Slot& slot = node.slot(i);
    const FieldState state =
        info.kind == FieldKind::kSlot ? slot.state : node.field(i).state;
    if (!everything && state != FieldState::kSet) continue;
    if (info.kind != FieldKind::kSlot) {
      if (!value.empty()) absl::StrAppend(&text, ", ", JsonQuoted(info.name), ": ", value.ToJson());
      continue;
    }
    std::vector<std::string> children;
    for (const auto& child : slot.children) children.push_back(PrintLine(*child, everything));
    if (children.empty() && !info.is_list && !info.is_optional) continue;
    absl::StrAppend(&text, ", ", JsonQuoted(info.name), ": ");
    if (info.is_list) {
      absl::StrAppend(&text, "[", absl::StrJoin(children, ", "), "]");
    } else {
      absl::StrAppend(&text, children.empty() ? "null" : children.front());
    }
  }
  return text + "}";
}

std::map<std::string, FlatEntry> Flatten(const ConfigNode& root) {
  std::map<std::string, FlatEntry> flat;
  FlattenInto(root, "", root.origin(), flat);
  return flat;
}

}  // namespace tessera
