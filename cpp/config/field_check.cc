#include "cpp/config/field_check.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "cpp/base/suggest.h"
#include "cpp/base/text.h"

namespace tessera {
namespace {

// " from 1 to 8", " of at least 1", " above 0 and below 1", ""
std::string RangeText(const FieldInfo& field) {
  const auto number = [](double value) {
    // Bounds of integers are shown as such, not as 1e+06.
    if (std::abs(value) < 1e15 && value == std::floor(value)) {
      return absl::StrCat(static_cast<int64_t>(value));
    }
    return ShortestNumber(value);
  };
  if (field.min && field.max) {
    return absl::StrCat(" from ", number(*field.min), " to ", number(*field.max));
  }
  std::vector<std::string> parts;
  if (field.min) parts.push_back(absl::StrCat(" of at least ", number(*field.min)));
  if (field.above) parts.push_back(absl::StrCat(" above ", number(*field.above)));
  if (field.max) parts.push_back(absl::StrCat(" of at most ", number(*field.max)));
  if (field.below) parts.push_back(absl::StrCat(" below ", number(*field.below)));
  return absl::StrJoin(parts, " and");
}

bool InRange(const FieldInfo& field, double value) {
  return (!field.min || value >= *field.min) && (!field.max || value <= *field.max) &&
         (!field.above || value > *field.above) && (!field.below || value < *field.below);
}

bool IsChoice(const FieldInfo& field, const std::string& text) {
  return field.choices.empty() ||
         std::find(field.choices.begin(), field.choices.end(), text) != field.choices.end();
}

std::string Element(const FieldInfo& field) {
  switch (field.kind) {
    case FieldKind::kBool:
      return "true or false";
    case FieldKind::kInt:
      return field.choices.empty() ? absl::StrCat("an integer", RangeText(field))
                                   : absl::StrJoin(field.choices, " or ");
    case FieldKind::kFloat:
      return absl::StrCat("a number", RangeText(field));
    case FieldKind::kText:
      return field.choices.empty()
                 ? "a text"
                 : absl::StrCat("one of '", absl::StrJoin(field.choices, "', '"), "'");
    case FieldKind::kEnum:
      return absl::StrCat("one of ",
                          absl::StrJoin(field.members, ", ",
                                        [](std::string* out, const EnumMember& member) {
                                          absl::StrAppend(out, "'", member.name, "'");
                                        }));
    case FieldKind::kTable:
      return absl::StrCat("an object with the fields of ", field.table->name);
    case FieldKind::kSlot:
      return absl::StrCat("a type with the role ", field.role);
  }
  return "";
}

}  // namespace

std::string FieldInfo::Expected() const {
  if (!is_list) return Element(*this);
  return absl::StrCat("a list, each item ", Element(*this));
}

std::string GotText(const ConfigValue& value) {
  if (const std::string* text = value.AsText()) return Quoted(*text);
  return value.ToJson();
}

std::string FitElement(const FieldInfo& field, ConfigValue& value) {
  bool fits = true;
  if (const int64_t* number = value.AsInt()) {
    fits = InRange(field, static_cast<double>(*number)) && IsChoice(field, absl::StrCat(*number));
  } else if (const double* number = value.AsFloat()) {
    fits = std::isfinite(*number) && InRange(field, *number);
    if (fits && field.width == 4) {
      fits = std::abs(*number) <= std::numeric_limits<float>::max();
      if (fits) value = ConfigValue(static_cast<double>(static_cast<float>(*number)));
    }
  } else if (const std::string* text = value.AsText()) {
    if (field.kind == FieldKind::kEnum) {
      fits = std::any_of(field.members.begin(), field.members.end(),
                         [&](const EnumMember& member) { return member.name == *text; });
    } else {
      fits = IsChoice(field, *text) && IsValidUtf8(*text);
    }
  }
  return fits ? "" : GotText(value);
}

std::string MeantName(std::string_view word, const std::vector<std::string>& names) {
  std::string meant = NearestName(word, names);
  if (!meant.empty() || word.size() < 3) return meant;
  const std::string lower = absl::AsciiStrToLower(word);
  for (const std::string& name : names) {
    if (!absl::StrContains(absl::AsciiStrToLower(name), lower)) continue;
    if (!meant.empty()) return "";
    meant = name;
  }
  return meant;
}

}  // namespace tessera
