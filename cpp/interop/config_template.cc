#include "cpp/interop/config_template.h"

#include <cmath>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "cpp/base/status_macros.h"
#include "cpp/config/plain_json.h"

namespace tessera {
namespace {

constexpr std::string_view kOmit = "$omit";

std::string Key(const ConfigValue& value) {
  if (value.empty()) return "null";
  return value.AsText() != nullptr ? *value.AsText() : value.ToJson();
}

ConfigValue OfKey(const std::string& key) {
  if (key == "null") return ConfigValue();
  if (key == "true" || key == "false") return ConfigValue(key == "true");
  int64_t integer;
  if (absl::SimpleAtoi(key, &integer)) return ConfigValue(integer);
  return ConfigValue(key);
}

std::optional<double> Number(const ConfigValue& value) {
  if (const int64_t* integer = value.AsInt()) return static_cast<double>(*integer);
  if (const double* number = value.AsFloat()) return *number;
  return std::nullopt;
}

// {"$op": "field", ...}: nothing when the table is a literal one.
struct Operator {
  std::string_view name;
  std::string field;
};

std::optional<Operator> OperatorOf(const ConfigValue& form) {
  const ConfigValue::Table* table = form.AsTable();
  if (table == nullptr || table->empty()) return std::nullopt;
  const auto& [name, field] = table->front();
  if (!absl::StartsWith(name, "$") || field.AsText() == nullptr) return std::nullopt;
  return Operator{name, *field.AsText()};
}

absl::StatusOr<const ConfigValue*> ValueOf(const FieldValues& values, std::string_view field) {
  const auto found = values.find(field);
  if (found != values.end()) return &found->second;
  return absl::InvalidArgumentError(absl::StrCat(field, ": the family has no such field"));
}

absl::StatusOr<const ConfigValue*> CaseOf(const ConfigValue& form, std::string_view field,
                                          const ConfigValue& value) {
  const ConfigValue* cases = form.Find("cases");
  if (cases == nullptr || cases->AsTable() == nullptr) {
    return absl::InvalidArgumentError(absl::StrCat(field, ": the template has no cases"));
  }
  if (const ConfigValue* found = cases->Find(Key(value))) return found;
  if (const ConfigValue* any = cases->Find("*"); any != nullptr && !value.empty()) return any;
  std::vector<std::string_view> known;
  for (const auto& [key, unused] : *cases->AsTable()) known.push_back(key);
  return absl::UnimplementedError(absl::StrCat(field, ": expected ", absl::StrJoin(known, " or "),
                                               ", got ", value.ToJson()));
}

absl::StatusOr<ConfigValue> FillOperator(const Operator& op, const ConfigValue& form,
                                         const FieldValues& values) {
  ASSIGN_OR_RETURN(const ConfigValue* value, ValueOf(values, op.field));
  if (op.name == "$switch") {
    ASSIGN_OR_RETURN(const ConfigValue* chosen, CaseOf(form, op.field, *value));
    return FillTemplate(*chosen, values);
  }
  if (op.name == "$each") {
    if (value->AsList() == nullptr) {
      return absl::InvalidArgumentError(
          absl::StrCat(op.field, ": expected a list, got ", value->ToJson()));
    }
    ConfigValue::List list;
    for (const ConfigValue& item : *value->AsList()) {
      ASSIGN_OR_RETURN(const ConfigValue* chosen, CaseOf(form, op.field, item));
      ASSIGN_OR_RETURN(ConfigValue filled, FillTemplate(*chosen, values));
      list.push_back(std::move(filled));
    }
    return ConfigValue(std::move(list));
  }
  if (op.name == "$power") {
    const ConfigValue* exponent = form.Find("exponent");
    const std::optional<double> base = Number(*value);
    if (exponent == nullptr || !Number(*exponent) || !base || !(*base > 0)) {
      return absl::InvalidArgumentError(
          absl::StrCat(op.field, ": expected a number above 0, got ", value->ToJson()));
    }
    return ConfigValue(std::pow(*base, *Number(*exponent)));
  }
  return absl::InvalidArgumentError(absl::StrCat(op.name, ": the template language lacks it"));
}

bool SetField(const std::string& field, const ConfigValue& value, FieldValues& values) {
  const auto [found, is_new] = values.try_emplace(field, value);
  return is_new || SameValue(found->second, value);
}

bool SolveCases(const ConfigValue& form, const ConfigValue& config, FieldValues& values,
                ConfigValue* key) {
  const ConfigValue* cases = form.Find("cases");
  if (cases == nullptr || cases->AsTable() == nullptr) return false;
  for (const auto& [name, chosen] : *cases->AsTable()) {
    FieldValues attempt = values;
    if (!SolveTemplate(chosen, config, attempt)) continue;
    values = std::move(attempt);
    *key = name == "*" ? ConfigValue(std::string("*")) : OfKey(name);
    return true;
  }
  return false;
}

bool IsAny(const ConfigValue& key) { return key.AsText() != nullptr && *key.AsText() == "*"; }

bool SolveOperator(const Operator& op, const ConfigValue& form, const ConfigValue& config,
                   FieldValues& values) {
  ConfigValue key;
  if (op.name == "$switch") {
    if (const auto known = values.find(op.field); known != values.end()) {
      const auto chosen = CaseOf(form, op.field, known->second);
      return chosen.ok() && SolveTemplate(**chosen, config, values);
    }
    if (!SolveCases(form, config, values, &key)) return false;
    return IsAny(key) || SetField(op.field, key, values);
  }
  if (op.name == "$each") {
    if (config.AsList() == nullptr) return false;
    ConfigValue::List list;
    for (const ConfigValue& item : *config.AsList()) {
      if (!SolveCases(form, item, values, &key) || IsAny(key)) return false;
      list.push_back(key);
    }
    return SetField(op.field, ConfigValue(std::move(list)), values);
  }
  const ConfigValue* exponent = form.Find("exponent");
  const std::optional<double> power = Number(config);
  if (op.name != "$power" || exponent == nullptr || !Number(*exponent) || !power ||
      !(*power > 0) || *Number(*exponent) == 0) {
    return false;
  }
  const double base = std::pow(*power, 1 / *Number(*exponent));
  // What was whole comes back whole.
  const double whole = std::round(base);
  const bool is_whole = std::abs(base - whole) <= 1e-9 * whole && whole < 9e15;
  return SetField(op.field,
                  is_whole ? ConfigValue(static_cast<int64_t>(whole)) : ConfigValue(base), values);
}

bool IsOmit(const ConfigValue& form) { return form.AsText() != nullptr && *form.AsText() == kOmit; }

}  // namespace

absl::StatusOr<ConfigValue> FillTemplate(const ConfigValue& form, const FieldValues& values) {
  if (const std::string* text = form.AsText()) {
    const std::string_view rest = std::string_view(*text).substr(text->empty() ? 0 : 1);
    if (absl::StartsWith(*text, "=")) return ComputeField(rest, values);
    if (*text == kOmit || !absl::StartsWith(*text, "$")) return form;
    ASSIGN_OR_RETURN(const ConfigValue* value, ValueOf(values, rest));
    return *value;
  }
  if (const auto op = OperatorOf(form)) return FillOperator(*op, form, values);
  if (const ConfigValue::List* list = form.AsList()) {
    ConfigValue::List filled;
    for (const ConfigValue& item : *list) {
      ASSIGN_OR_RETURN(ConfigValue one, FillTemplate(item, values));
      filled.push_back(std::move(one));
    }
    return ConfigValue(std::move(filled));
  }
  if (const ConfigValue::Table* table = form.AsTable()) {
    ConfigValue::Table filled;
    for (const auto& [name, member] : *table) {
      ASSIGN_OR_RETURN(ConfigValue one, FillTemplate(member, values));
      if (!IsOmit(one)) filled.emplace_back(name, std::move(one));
    }
    return ConfigValue(std::move(filled));
  }
  return form;
}

bool SolveTemplate(const ConfigValue& form, const ConfigValue& config, FieldValues& values) {
  if (const std::string* text = form.AsText()) {
    if (absl::StartsWith(*text, "=") || *text == kOmit) return true;
    if (!absl::StartsWith(*text, "$")) return SameValue(form, config);
    return SetField(text->substr(1), config, values);
  }
  if (const auto op = OperatorOf(form)) return SolveOperator(*op, form, config, values);
  if (const ConfigValue::List* list = form.AsList()) {
    if (config.AsList() == nullptr || config.AsList()->size() != list->size()) return false;
    for (size_t i = 0; i < list->size(); ++i) {
      if (!SolveTemplate((*list)[i], (*config.AsList())[i], values)) return false;
    }
    return true;
  }
  if (const ConfigValue::Table* table = form.AsTable()) {
    if (config.AsTable() == nullptr) return false;
    for (const auto& [name, member] : *table) {
      const ConfigValue* value = config.Find(name);
      static const ConfigValue kNothing;
      if (!SolveTemplate(member, value == nullptr ? kNothing : *value, values)) return false;
    }
    return true;
  }
  return SameValue(form, config);
}

}  // namespace tessera
