#include "cpp/interop/original_names.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "cpp/base/status_macros.h"
#include "cpp/base/suggest.h"
#include "cpp/base/text.h"
#include "cpp/config/plain_json.h"

namespace tessera {

absl::StatusOr<std::unique_ptr<OriginalNames>> OriginalNames::Create(
    std::string_view origin, const std::vector<NamedDims>& params) {
  const auto read = ParseJson(origin, "origin");
  const ConfigValue* family_name =
      read.ok() && read->AsTable() != nullptr ? FindAt(*read, "family") : nullptr;
  const ConfigValue* config = family_name != nullptr ? FindAt(*read, "config") : nullptr;
  if (config == nullptr || family_name->AsText() == nullptr || config->AsTable() == nullptr) {
    return absl::DataLossError("origin: expected 'family' and 'config', got something else");
  }
  ASSIGN_OR_RETURN(const Family family, Family::Named(*family_name->AsText()));
  std::vector<std::string> unknown;
  ASSIGN_OR_RETURN(const FieldValues values, family.ReadFields(*config, "origin", &unknown));
  const ConfigValue* prefix = FindAt(*read, "has_prefix");
  return OfFamily(family, values, params,
                  prefix == nullptr || prefix->AsBool() == nullptr || *prefix->AsBool());
}

absl::StatusOr<std::unique_ptr<OriginalNames>> OriginalNames::OfFamily(
    const Family& family, const FieldValues& values, const std::vector<NamedDims>& params,
    bool has_prefix) {
  std::unique_ptr<OriginalNames> names(new OriginalNames);
  ASSIGN_OR_RETURN(names->map_, family.MapTensors(values));
  ASSIGN_OR_RETURN(names->pairs_, names->map_.Find(params));
  for (size_t p = 0; p < names->pairs_.size(); ++p) {
    for (size_t i = 0; i < names->pairs_[p].theirs.size(); ++i) {
      NamedDims tensor = names->pairs_[p].theirs[i];
      if (!has_prefix) tensor.name = std::string(absl::StripPrefix(tensor.name, family.prefix));
      if (!names->places_.try_emplace(tensor.name, Place{p, i}).second) {
        return absl::InvalidArgumentError(
            absl::StrCat(tensor.name, ": two parameters would have this name"));
      }
      names->tensors_.push_back(std::move(tensor));
    }
  }
  return names;
}

absl::StatusOr<OriginalNames::Place> OriginalNames::Find(std::string_view name) const {
  const auto found = places_.find(name);
  if (found != places_.end()) return found->second;
  std::vector<std::string> all;
  for (const NamedDims& tensor : tensors_) all.push_back(tensor.name);
  return absl::NotFoundError(absl::StrCat("tensor ", Quoted(name),
                                          ": the imported model has none of that name",
                                          SuggestionText(name, all)));
}

absl::StatusOr<Tensor> OriginalNames::Make(std::string_view name,
                                           const ReadTensor& read_ours) const {
  ASSIGN_OR_RETURN(const Place place, Find(name));
  return MakeTheirs(pairs_[place.pair], place.index, read_ours);
}

absl::StatusOr<std::string> OriginalNames::FirstOfOurs(std::string_view name) const {
  ASSIGN_OR_RETURN(const Place place, Find(name));
  return pairs_[place.pair].ours[0].name;
}

}  // namespace tessera
