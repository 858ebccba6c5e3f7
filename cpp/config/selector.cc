#include "cpp/config/selector.h"

#include <algorithm>
#include <set>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "cpp/base/text.h"
#include "cpp/config/field_check.h"
#include "cpp/config/glob.h"
#include "cpp/config/json_reader.h"

namespace tessera {
namespace {

using Kind = JsonValue::Kind;

constexpr std::string_view kAny = "any ";
constexpr int64_t kMostEvery = 1 << 20;

class SelectorReader {
 public:
  SelectorReader(const SchemaRegistry& registry, const JsonDocument& document,
                 ConfigErrors& errors)
      : registry_(registry), document_(document), errors_(errors) {}

  void Fail(size_t offset, std::string expected, std::string got, std::string nearest = "") {
    const ConfigOrigin origin = document_.OriginAt(offset);
    errors_.Add({*origin.source, origin.line, origin.column, "", std::move(expected),
                 std::move(got), std::move(nearest), "", ""});
  }

  const TypeInfo* Type(const JsonValue& value) {
    const TypeInfo* type = value.kind == Kind::kText ? registry_.Find(value.text) : nullptr;
    if (type == nullptr) {
      Fail(value.offset, "the name of a type",
           value.kind == Kind::kText ? Quoted(value.text) : Describe(value),
           MeantName(value.text, registry_.Names()));
    }
    return type;
  }

  bool Role(const JsonValue& value, std::string_view name) {
    const std::vector<std::string> roles = registry_.Roles();
    if (value.kind == Kind::kText &&
        (name == "*" || std::find(roles.begin(), roles.end(), name) != roles.end())) {
      return true;
    }
    Fail(value.offset, absl::StrCat("a role (", absl::StrJoin(roles, ", "), ")"),
         value.kind == Kind::kText ? Quoted(name) : Describe(value),
         MeantName(name, roles));
    return false;
  }

  bool Path(const JsonValue& value) {
    const bool is_path = value.kind == Kind::kText && !value.text.empty() &&
                         !absl::StrContains(absl::StrCat(".", value.text, "."), "..");
    if (!is_path) {
      Fail(value.offset, "a path or a pattern such as model.decoder.**",
           value.kind == Kind::kText ? Quoted(value.text) : Describe(value));
    }
    return is_path;
  }

  bool Count(const JsonValue& value, int64_t least, int64_t& out) {
    int64_t number = 0;
    if (value.kind == Kind::kNumber && absl::SimpleAtoi(value.text, &number) && number >= least &&
        number <= kMostEvery) {
      out = number;
      return true;
    }
    Fail(value.offset, absl::StrCat("an integer from ", least, " to ", kMostEvery),
         Describe(value));
    return false;
  }

 private:
  const SchemaRegistry& registry_;
  const JsonDocument& document_;
  ConfigErrors& errors_;
};

}  // namespace

bool Selector::Read(const SchemaRegistry& registry, const JsonDocument& document,
                    const JsonValue& value, ConfigErrors& errors, Selector& out) {
  SelectorReader reader(registry, document, errors);
  if (value.kind == Kind::kText) {
    std::string_view text = value.text;
    if (text.size() > 2 && text.front() == '<' && text.back() == '>') {
      text = text.substr(1, text.size() - 2);
    }
    out.text_ = std::string(text);
    if (absl::StartsWith(text, kAny)) {
      out.role_ = std::string(absl::StripAsciiWhitespace(text.substr(kAny.size())));
      return reader.Role(value, out.role_);
    }
    if (!text.empty() && absl::ascii_isupper(static_cast<unsigned char>(text[0])) &&
        text.find('.') == std::string_view::npos) {
      return (out.type_ = reader.Type(value)) != nullptr;
    }
    out.path_ = std::string(text);
    return reader.Path(value);
  }
  if (value.kind != Kind::kObject || value.members.empty()) {
    reader.Fail(value.offset,
                "a selector: the name of a type, \"any ROLE\", a path pattern, or an object of "
                "type, role, path, where, every, from",
                value.kind == Kind::kObject ? "an empty object" : Describe(value));
    return false;
  }
  bool fits = true;
  std::vector<std::string> words;
  for (const JsonMember& member : value.members) {
    const JsonValue& given = member.value;
    if (member.name == "type") {
      fits = (out.type_ = reader.Type(given)) != nullptr && fits;
    } else if (member.name == "role") {
      out.role_ = given.text;
      fits = reader.Role(given, given.text) && fits;
    } else if (member.name == "path") {
      out.path_ = given.text;
      fits = reader.Path(given) && fits;
    } else if (member.name == "where") {
      fits = ReadConditions(given, document, "where", errors, out.where_) && fits;
    } else if (member.name == "every") {
      fits = reader.Count(given, 1, out.every_) && fits;
    } else if (member.name == "from") {
      fits = reader.Count(given, 0, out.from_) && fits;
    } else {
      reader.Fail(member.offset, "a part of a selector (type, role, path, where, every, from)",
                  Quoted(member.name),
                  MeantName(member.name, {"type", "role", "path", "where", "every", "from"}));
      fits = false;
    }
    if (given.kind != Kind::kText && given.kind != Kind::kNumber) continue;
    const std::string_view before = member.name == "type"   ? ""
                                    : member.name == "role" ? "any "
                                    : member.name == "path" ? "at "
                                                            : std::string_view(member.name);
    words.push_back(absl::StrCat(before, before == member.name ? " " : "", given.text));
  }
  out.text_ = words.empty() ? "where" : absl::StrJoin(words, ", ");
  return fits;
}

std::string Selector::WantedRole() const {
  if (!role_.empty()) return role_;
  return type_ == nullptr || type_->roles.empty() ? "*" : type_->roles.front();
}

bool Selector::MatchesPlace(const Place& place) const {
  if (is_root()) return place.slot == nullptr;
  const std::string role = WantedRole();
  if (role != "*" && place.role() != role) return false;
  if (path_.empty() || MatchesConfigPath(path_, place.path)) return true;
  // Paths stay good when a module is wrapped. The wrapper and what it wraps share one; without a
  // type it means the wrapper.
  const bool shared = place.is_wrapped && type_ == nullptr && role_.empty();
  return !shared && MatchesConfigPath(path_, place.plain_path);
}

bool Selector::MatchesType(const Place& place) const {
  if (place.node == nullptr) return false;
  if (type_ != nullptr) return place.node->info().IsA(*type_);
  return role_.empty() || !place.is_wrapper();
}

bool Selector::MatchesFields(const Place& place) const {
  return std::all_of(where_.begin(), where_.end(), [&](const Condition& condition) {
    return Holds(condition, *place.node);
  });
}

std::vector<Selector::Found> Selector::Select(const ConfigView& view,
                                              const IsDone& is_done) const {
  std::vector<Found> found;
  std::set<int> below_done;   // indexes of places
  int64_t count = 0;
  for (size_t i = 0; i < view.places().size(); ++i) {
    const Place& place = view.places()[i];
    if (below_done.contains(place.parent)) {
      below_done.insert(static_cast<int>(i));
      continue;
    }
    if (!MatchesPlace(place)) continue;
    const bool fits = MatchesType(place) && MatchesFields(place);
    const bool done = is_done != nullptr && is_done(place);
    if (!fits && !done) continue;
    if (done && !fits) below_done.insert(static_cast<int>(i));
    const int64_t number = count++;
    if (number >= from_ && (number - from_) % every_ == 0) found.push_back({&place, done});
  }
  return found;
}

ConfigError Selector::UnmatchedPath(const ConfigView& view) const {
  const Place* furthest = &view.root();
  size_t best = 0;
  for (const Place& place : view.places()) {
    const size_t matched = MatchedParts(path_, place.path);
    if (matched > best && place.node != nullptr) {
      best = matched;
      furthest = &place;
    }
  }
  std::vector<std::string> slots;
  for (const FieldInfo& field : furthest->node->info().fields) {
    if (field.kind == FieldKind::kSlot) slots.push_back(field.name);
  }
  const std::vector<std::string> parts = absl::StrSplit(path_, '.');
  const std::string next = best < parts.size() ? parts[best] : "";
  ConfigError error;
  error.path = furthest->path;
  error.expected = absl::StrCat("a place that matches ", Quoted(path_));
  error.got = slots.empty()
                  ? absl::StrCat("none: a ", furthest->node->type(), " has no slots")
                  : absl::StrCat("none: a ", furthest->node->type(), " has the slots ",
                                 absl::StrJoin(slots, ", "));
  error.nearest = MeantName(next.substr(0, next.find('[')), slots);
  if (!error.nearest.empty() || next != "**") return error;
  // Behind a `**` any part of any path may be meant.
  std::set<std::string> known;
  for (const Place& place : view.places()) {
    known.insert(place.slot == nullptr ? "" : place.slot->name);
  }
  error.nearest = MeantName(parts.back().substr(0, parts.back().find('[')),
                            {known.begin(), known.end()});
  return error;
}

ConfigError Selector::UnmatchedFields(const ConfigView& view) const {
  ConfigError error;
  error.expected = absl::StrCat("a place that fulfils every condition on `", text_, "`");
  for (const Place& place : view.places()) {
    if (!MatchesPlace(place) || !MatchesType(place)) continue;
    for (const Condition& condition : where_) {
      if (Holds(condition, *place.node)) continue;
      error.path = JoinConfigPath(place.path, condition.field);
      if (!HasFieldBelow(*place.node, condition.field)) {
        error.got = absl::StrCat("none: a ", place.node->type(), " has no field ",
                                 Quoted(condition.field));
        error.nearest = MeantName(condition.field, place.node->info().FieldNames());
      } else {
        const ConfigValue* value = FieldBelow(*place.node, condition.field);
        error.got = absl::StrCat("none: here it is ", value == nullptr ? "null" : GotText(*value));
      }
      return error;
    }
  }
  error.got = absl::StrCat("fewer places than \"from\" = ", from_, " passes over");
  return error;
}

ConfigError Selector::UnmatchedRole(const ConfigView& view) const {
  const std::string role = WantedRole();
  ConfigError error;
  error.expected = type_ == nullptr
                       ? absl::StrCat("a slot for a ", role, " with something in it")
                       : absl::StrCat("a ", type_->name, " in a slot for a ", role);
  error.got = "none in this config";
  for (const Place& place : view.places()) {
    if (place.role() != role || place.node == nullptr) continue;
    if (error.path.empty()) {
      error.path = place.path;
      error.got = absl::StrCat("a ", place.node->type());
      error.nearest = std::string(place.node->type());
    }
  }
  if (!error.path.empty() || type_ == nullptr) {
    if (type_ == nullptr) {
      std::set<std::string> present;
      for (const Place& place : view.places()) {
        present.insert(std::string(place.role()));
        if (place.role() == role && error.path.empty()) {
          error.path = place.path;
          error.got = "an empty slot";
          error.hint = "fill it with `insert`";
        }
      }
      if (error.hint.empty()) {
        error.nearest = MeantName(role, {present.begin(), present.end()});
        error.hint = absl::StrCat("there are slots for ", absl::StrJoin(present, ", "));
      }
    }
    return error;
  }
  // The type may stand in slots of another role.
  for (const Place& place : view.places()) {
    if (place.node == nullptr || !place.node->info().IsA(*type_)) continue;
    error.path = place.path;
    error.got = absl::StrCat("it in a slot for a ", place.role());
    error.hint = absl::StrCat("to mean that one, say {\"type\": \"", type_->name,
                              "\", \"role\": \"", place.role(), "\"}");
    return error;
  }
  std::set<std::string> types;
  for (const Place& place : view.places()) {
    if (place.node != nullptr) types.insert(std::string(place.node->type()));
  }
  error.nearest = MeantName(type_->name, {types.begin(), types.end()});
  if (error.nearest.empty()) error.hint = absl::StrCat("it holds ", absl::StrJoin(types, ", "));
  return error;
}

void Selector::FailUnmatched(const ConfigView& view, const ConfigOrigin& origin,
                             ConfigErrors& errors) const {
  const auto any = [&](auto matches) {
    return std::any_of(view.places().begin(), view.places().end(), matches);
  };
  ConfigError error;
  if (any([&](const Place& place) { return MatchesPlace(place) && MatchesType(place); })) {
    error = UnmatchedFields(view);
  } else if (!path_.empty() && !any([&](const Place& place) {
               return MatchesConfigPath(path_, place.path) ||
                      MatchesConfigPath(path_, place.plain_path);
             })) {
    error = UnmatchedPath(view);
  } else if (!path_.empty()) {
    for (const Place& place : view.places()) {
      if (!MatchesConfigPath(path_, place.path) &&
          !MatchesConfigPath(path_, place.plain_path)) {
        continue;
      }
      error.path = place.path;
      error.expected = absl::StrCat("a ", type_ == nullptr ? WantedRole() : type_->name);
      error.got = place.node == nullptr ? "an empty slot"
                                        : absl::StrCat("a ", place.node->type(),
                                                       " in a slot for a ", place.role());
      error.nearest = place.node == nullptr ? "" : std::string(place.node->type());
      break;
    }
  } else {
    error = UnmatchedRole(view);
  }
  error.file = *origin.source;
  error.line = origin.line;
  error.column = origin.column;
  if (error.hint.empty()) error.hint = "add \"optional\": true if it need not match";
  errors.Add(std::move(error));
}

}  // namespace tessera
