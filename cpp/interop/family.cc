#include "cpp/interop/family.h"

#include <algorithm>
#include <set>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "cpp/base/status_macros.h"
#include "cpp/base/suggest.h"
#include "cpp/interop/config_template.h"
#include "cpp/interop/family_table.h"
#include "cpp/config/plain_json.h"

namespace tessera {
namespace {

constexpr int kMostBases = 8;

// `over` on top of `base`: objects field by field, everything else replaced, null removes. A field
// of "fields" is one thing (its default may be null), and so is an operator of a template.
void Merge(const ConfigValue& over, ConfigValue& base, bool is_shallow = false) {
  if (over.AsTable() == nullptr || base.AsTable() == nullptr) {
    base = over;
    return;
  }
  const auto is_operator = [](const ConfigValue& value) {
    return !value.AsTable()->empty() && value.AsTable()->front().first.starts_with('$');
  };
  if (is_operator(over) || is_operator(base)) {
    base = over;
    return;
  }
  for (const auto& [name, value] : *over.AsTable()) {
    ConfigValue* known = base.Find(name);
    if (value.empty()) {
      std::erase_if(*base.AsTable(), [&](const auto& member) { return member.first == name; });
    } else if (known != nullptr && is_shallow) {
      *known = value;
    } else if (known != nullptr) {
      Merge(value, *known, name == "fields" || name == "must_be");
    } else {
      base.AsTable()->emplace_back(name, value);
    }
  }
}

// "more_tensors" of the family before "tensors" of its base.
void PutBefore(std::string_view more, std::string_view name, ConfigValue& family) {
  const ConfigValue* added = family.Find(more);
  if (added == nullptr || added->AsList() == nullptr) return;
  ConfigValue::List all = *added->AsList();
  const ConfigValue* known = family.Find(name);
  if (known != nullptr && known->AsList() != nullptr) {
    all.insert(all.end(), known->AsList()->begin(), known->AsList()->end());
  }
  PutAt(family, name, ConfigValue(std::move(all)));
  PutAt(family, more, ConfigValue());
}

const FamilyText* FindText(std::string_view name) {
  for (const FamilyText& text : EmbeddedFamilies()) {
    if (text.name == name) return &text;
  }
  return nullptr;
}

absl::StatusOr<ConfigValue> Described(std::string_view name, int bases = 0) {
  const FamilyText* text = FindText(name);
  RET_CHECK(text != nullptr && bases <= kMostBases) << "family " << name;
  ASSIGN_OR_RETURN(ConfigValue own, ParseJson(text->json, absl::StrCat(name, ".json")));
  const ConfigValue* extends = own.Find("extends");
  if (extends == nullptr) return own;
  RET_CHECK(extends->AsText() != nullptr) << name;
  ASSIGN_OR_RETURN(ConfigValue base, Described(*extends->AsText(), bases + 1));
  Merge(own, base);
  PutBefore("more_tensors", "tensors", base);
  PutBefore("more_ignore", "ignore", base);
  if (own.Find("model_type") == nullptr) PutAt(base, "model_type", ConfigValue());
  return base;
}

std::string TextAt(const ConfigValue& described, std::string_view name) {
  const ConfigValue* value = described.Find(name);
  return value == nullptr || value->AsText() == nullptr ? "" : *value->AsText();
}

std::vector<std::string> TextsAt(const ConfigValue& described, std::string_view name) {
  std::vector<std::string> texts;
  const ConfigValue* value = described.Find(name);
  if (value == nullptr || value->AsList() == nullptr) return texts;
  for (const ConfigValue& one : *value->AsList()) {
    if (one.AsText() != nullptr) texts.push_back(*one.AsText());
  }
  return texts;
}

absl::StatusOr<Family> Parse(std::string_view name, const ConfigValue& described) {
  Family family;
  family.name = std::string(name);
  family.format = TextAt(described, "format");
  if (family.format.empty()) family.format = "huggingface";
  family.model_type = TextAt(described, "model_type");
  family.architectures = TextsAt(described, "architectures");
  family.ignore = TextsAt(described, "ignore");
  family.unsaid = TextsAt(described, "unsaid");
  family.prefix = TextAt(described, "prefix");
  for (const auto& [part, target] : {std::pair("model", &family.model),
                                     std::pair("tensors", &family.tensors)}) {
    if (const ConfigValue* value = described.Find(part)) *target = *value;
  }
  if (const ConfigValue* fields = described.Find("fields")) {
    ASSIGN_OR_RETURN(family.fields, FieldTable::Parse(*fields));
  }
  for (const std::string& text : TextsAt(described, "ignore_tensors")) {
    ASSIGN_OR_RETURN(NamePattern pattern, NamePattern::Parse(text));
    family.ignore_tensors.push_back(std::move(pattern));
  }
  if (const ConfigValue* must = described.Find("must_be"); must != nullptr && must->AsTable()) {
    for (const auto& [place, values] : *must->AsTable()) {
      if (values.AsList() != nullptr) family.must_be[place] = *values.AsList();
    }
  }
  if (const ConfigValue* copies = described.Find("copies"); copies != nullptr &&
                                                            copies->AsTable() != nullptr) {
    for (const auto& [copy, original] : *copies->AsTable()) {
      if (original.AsText() != nullptr) family.copies[copy] = *original.AsText();
    }
  }
  return family;
}

// Places of the config that `known` does not cover: names, or paths within known tables.
void FindUnknown(const ConfigValue& value, const std::string& path,
                 const std::set<std::string>& known, const std::set<std::string>& opened,
                 std::vector<std::string>* unknown) {
  for (const auto& [name, member] : *value.AsTable()) {
    const std::string place = path.empty() ? name : absl::StrCat(path, ".", name);
    if (member.AsTable() != nullptr && opened.contains(place)) {
      FindUnknown(member, place, known, opened, unknown);
    } else if (!known.contains(place) && !member.empty()) {
      unknown->push_back(place);
    }
  }
}

}  // namespace

absl::StatusOr<Family> Family::Named(std::string_view name) {
  if (FindText(name) == nullptr) {
    std::vector<std::string> names;
    for (const FamilyText& text : EmbeddedFamilies()) names.emplace_back(text.name);
    return absl::NotFoundError(absl::StrCat("family: expected one of ", absl::StrJoin(names, ", "),
                                            ", got '", name, "'", SuggestionText(name, names)));
  }
  auto described = Described(name);
  absl::StatusOr<Family> family =
      described.ok() ? Parse(name, *described) : absl::StatusOr<Family>(described.status());
  if (family.ok()) return family;
  return absl::InternalError(absl::StrCat("family ", name, ": ", family.status().message()));
}

std::vector<std::string> Family::Names(std::string_view format) {
  std::vector<std::string> names;
  for (const FamilyText& text : EmbeddedFamilies()) {
    const auto family = Named(text.name);
    if (family.ok() && family->format == format && !family->model_type.empty()) {
      names.emplace_back(text.name);
    }
  }
  return names;
}

absl::StatusOr<Family> Family::OfModelType(std::string_view format, std::string_view model_type) {
  std::vector<std::string> types;
  for (const FamilyText& text : EmbeddedFamilies()) {
    ASSIGN_OR_RETURN(Family family, Named(text.name));
    if (family.format != format || family.model_type.empty()) continue;
    if (family.model_type == model_type) return family;
    types.push_back(family.model_type);
  }
  return absl::UnimplementedError(
      absl::StrCat("model_type: expected one of ", absl::StrJoin(types, ", "), ", got '",
                   model_type, "'", SuggestionText(model_type, types)));
}

absl::StatusOr<FieldValues> Family::ReadFields(const ConfigValue& config, std::string_view where,
                                               std::vector<std::string>* unknown) const {
  for (const auto& [place, allowed] : must_be) {
    const ConfigValue* value = FindAt(config, place);
    if (value == nullptr || std::any_of(allowed.begin(), allowed.end(), [&](const auto& one) {
          return SameValue(one, *value);
        })) {
      continue;
    }
    return absl::UnimplementedError(
        absl::StrCat(where, ": ", place, ": expected ",
                     allowed.empty() ? "nothing" : ConfigValue(allowed).ToJson(), ", got ",
                     value->ToJson(), " (family ", name, ")"));
  }
  ASSIGN_OR_RETURN(FieldValues values, fields.Read(config, where));
  std::set<std::string> opened;
  const std::vector<std::string> places = fields.Places();
  std::set<std::string> known(places.begin(), places.end());
  for (const auto& [place, allowed] : must_be) known.insert(place);
  known.insert(ignore.begin(), ignore.end());
  for (const std::string& place : known) {
    for (size_t dot = place.find('.'); dot != std::string::npos; dot = place.find('.', dot + 1)) {
      opened.insert(place.substr(0, dot));
    }
  }
  known.insert({"model_type", "architectures"});
  FindUnknown(config, "", known, opened, unknown);
  return values;
}

absl::StatusOr<TensorMap> Family::MapTensors(const FieldValues& values) const {
  ASSIGN_OR_RETURN(const ConfigValue filled, FillTemplate(tensors, values));
  return TensorMap::Parse(filled, [&](std::string_view field) -> absl::StatusOr<int64_t> {
    const auto found = values.find(field);
    if (found == values.end() || found->second.AsInt() == nullptr || *found->second.AsInt() < 1) {
      return absl::InvalidArgumentError(absl::StrCat(field, ": expected a number of heads"));
    }
    return *found->second.AsInt();
  });
}

}  // namespace tessera
