// Whether the parts of a chain want different things of one place.
#include <map>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "cpp/config/json_reader.h"
#include "cpp/config/modifier_edit.h"

namespace tessera {
namespace {

// One path that an edit claims.
struct Claim {
  const Edit* edit = nullptr;
  std::string wants;      // equal wishes are no conflict
  const JsonValue* value = nullptr;

  Edit::Kind kind() const { return edit->kind; }
};

std::string Wish(const Edit& edit) {
  std::string text = absl::StrCat(static_cast<int>(edit.kind), edit.type == nullptr
                                                                   ? ""
                                                                   : edit.type->name);
  std::set<std::string> fields;
  for (const FieldEdit& field : edit.fields) {
    fields.insert(absl::StrCat(
        field.path, "=", field.value == nullptr ? "unset" : ToJsonText(*field.value)));
  }
  for (const std::string& field : fields) absl::StrAppend(&text, ";", field);
  if (edit.item != nullptr) absl::StrAppend(&text, ";", ToJsonText(*edit.item));
  return absl::StrCat(text, "@", edit.at);
}

// `outer` claims a path at or above that of `inner`.
bool Clash(const Claim& outer, const Claim& inner, bool same_path) {
  if (same_path && outer.wants == inner.wants) return false;
  switch (outer.kind()) {
    case Edit::Kind::kWrap:
      // What is wrapped stays as it is, so only another wish for the same slot clashes.
      return same_path && inner.kind() != Edit::Kind::kFields;
    default:
      return true;
  }
}

std::string Position(const Claim& claim, const JsonDocument& document) {
  const size_t offset =
      claim.value != nullptr ? claim.value->offset : claim.edit->part->json->offset;
  return document.OriginAt(offset).ToText();
}

void Report(const Claim& one, const Claim& other, const std::string& path,
            const JsonDocument& document, ConfigErrors& errors) {
  const size_t offset =
      one.value != nullptr ? one.value->offset : one.edit->part->json->offset;
  const ConfigOrigin origin = document.OriginAt(offset);
  ConfigError error;
  error.file = *origin.source;
  error.line = origin.line;
  error.column = origin.column;
  error.path = path;
  error.expected = "one part of a chain to change this place";
  error.got = absl::StrCat("two: here ", one.edit->Summary(), ", and at ",
                           Position(other, document), ", ", other.edit->part->name, ", ",
                           other.edit->Summary());
  error.hint = "a list of modifiers is applied one after another";
  error.modifier = one.edit->part->name;
  errors.Add(std::move(error));
}

std::string ParentOf(const std::string& path) {
  const size_t end = path.find_last_of(".[");
  return end == std::string::npos ? "" : path.substr(0, end);
}

}  // namespace

std::string Edit::ClaimOf(size_t field) const {
  if (kind == Kind::kFields) return JoinConfigPath(place->path, fields[field].path);
  if (kind == Kind::kInsert) return JoinConfigPath(place->path, to.path);
  return place->path;
}

std::string Edit::Summary() const {
  switch (kind) {
    case Kind::kFields:
      return "it is set";
    case Kind::kReplace:
      return absl::StrCat("it is replaced by ", type->name);
    case Kind::kWrap:
      return absl::StrCat("it is wrapped in ", type->name);
    case Kind::kInsert:
      return "something is put in";
    case Kind::kRemove:
      return "it is removed";
  }
  return "";
}

bool CheckConflicts(const std::vector<Edit>& edits, const JsonDocument& document,
                    ConfigErrors& errors) {
  const size_t before = errors.count();
  std::map<std::string, std::vector<Claim>> claims;
  for (const Edit& edit : edits) {
    if (edit.kind != Edit::Kind::kFields) {
      claims[edit.ClaimOf(0)].push_back({&edit, Wish(edit), nullptr});
      continue;
    }
    for (size_t i = 0; i < edit.fields.size(); ++i) {
      const JsonValue* value = edit.fields[i].value;
      claims[edit.ClaimOf(i)].push_back(
          {&edit, value == nullptr ? "unset" : ToJsonText(*value), value});
    }
  }
  for (const auto& [path, here] : claims) {
    for (const Claim& inner : here) {
      for (std::string above = path;; above = ParentOf(above)) {
        const auto found = claims.find(above);
        for (size_t i = 0; found != claims.end() && i < found->second.size(); ++i) {
          const Claim& outer = found->second[i];
          if (outer.edit->part == inner.edit->part) continue;
          // Of two claims on one path each is looked at once as the outer one.
          if (above == path && outer.edit->part > inner.edit->part &&
              Clash(inner, outer, true)) {
            continue;
          }
          if (Clash(outer, inner, above == path)) {
            Report(inner, outer, path, document, errors);
          }
          if (errors.full()) return false;
        }
        if (above.empty()) break;
      }
    }
  }
  return errors.count() == before;
}

}  // namespace tessera
