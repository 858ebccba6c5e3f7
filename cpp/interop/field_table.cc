#include "cpp/interop/field_table.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <set>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "cpp/base/status_macros.h"
#include "cpp/config/plain_json.h"

namespace tessera {
namespace {

using Lookup = std::function<absl::StatusOr<ConfigValue>(const std::string& name)>;

// Recursive descent over sums of products. Numbers are doubles; whether all were integers is kept.
class Expression {
 public:
  Expression(std::string_view text, const Lookup& lookup) : rest_(text), lookup_(lookup) {}

  absl::StatusOr<ConfigValue> Value() {
    const std::string_view all = absl::StripAsciiWhitespace(rest_);
    if (!all.empty() && !absl::ascii_isdigit(static_cast<unsigned char>(all[0])) &&
        all.find_first_of("+-*/() ") == std::string_view::npos) {
      return lookup_(std::string(all));
    }
    ASSIGN_OR_RETURN(const double result, Sum(0));
    SkipBlanks();
    if (!rest_.empty()) return Wrong();
    if (!std::isfinite(result)) return absl::InvalidArgumentError("the result is not finite");
    if (all_integers_ && result == std::floor(result) && std::abs(result) < 9e15) {
      return ConfigValue(static_cast<int64_t>(result));
    }
    return ConfigValue(result);
  }

 private:
  static constexpr int kMaxDepth = 32;

  absl::Status Wrong() const {
    return absl::InvalidArgumentError(
        absl::StrCat("expected a number, a field's name, ln(, sqrt( or + - * / ( ), got '", rest_,
                     "'"));
  }
  void SkipBlanks() { rest_ = absl::StripLeadingAsciiWhitespace(rest_); }
  bool Take(char c) {
    SkipBlanks();
    if (rest_.empty() || rest_[0] != c) return false;
    rest_.remove_prefix(1);
    return true;
  }

  absl::StatusOr<double> Sum(int depth) {
    ASSIGN_OR_RETURN(double sum, Product(depth));
    for (;;) {
      const bool adds = Take('+');
      if (!adds && !Take('-')) return sum;
      ASSIGN_OR_RETURN(const double next, Product(depth));
      sum += adds ? next : -next;
    }
  }
  absl::StatusOr<double> Product(int depth) {
    ASSIGN_OR_RETURN(double product, Atom(depth));
    for (;;) {
      const bool multiplies = Take('*');
      if (!multiplies && !Take('/')) return product;
      ASSIGN_OR_RETURN(const double next, Atom(depth));
      product = multiplies ? product * next : product / next;
    }
  }
  absl::StatusOr<double> Atom(int depth) {
    if (depth > kMaxDepth) return absl::InvalidArgumentError("too many levels");
    if (Take('(')) {
      ASSIGN_OR_RETURN(const double inside, Sum(depth + 1));
      if (!Take(')')) return Wrong();
      return inside;
    }
    SkipBlanks();
    size_t length = 0;
    while (length < rest_.size() &&
           (absl::ascii_isalnum(static_cast<unsigned char>(rest_[length])) ||
            rest_[length] == '_' || rest_[length] == '.')) {
      ++length;
    }
    if (length == 0) return Wrong();
    const std::string word(rest_.substr(0, length));
    rest_.remove_prefix(length);
    if ((word == "ln" || word == "sqrt") && Take('(')) {
      ASSIGN_OR_RETURN(const double inside, Sum(depth + 1));
      if (!Take(')')) return Wrong();
      if (!(inside > 0)) {
        return absl::InvalidArgumentError(
            absl::StrCat(word, "(x): expected a number above 0, got ", inside));
      }
      all_integers_ = false;
      return word == "ln" ? std::log(inside) : std::sqrt(inside);
    }
    if (absl::ascii_isdigit(static_cast<unsigned char>(word[0]))) {
      double number;
      if (!absl::SimpleAtod(word, &number)) return Wrong();
      if (absl::StrContains(word, '.')) all_integers_ = false;
      return number;
    }
    ASSIGN_OR_RETURN(const ConfigValue value, lookup_(word));
    if (const int64_t* integer = value.AsInt()) return static_cast<double>(*integer);
    if (const double* number = value.AsFloat()) {
      all_integers_ = false;
      return *number;
    }
    return absl::InvalidArgumentError(
        absl::StrCat(word, ": expected a number, got ", value.ToJson()));
  }

  std::string_view rest_;
  const Lookup& lookup_;
  bool all_integers_ = true;
};

}  // namespace

namespace {

bool IsComputed(const ConfigValue& fallback) {
  const std::string* text = fallback.AsText();
  return text != nullptr && absl::StartsWith(*text, "=");
}

// What stands at a place, an explicit null included; null when nothing does.
const ConfigValue* StandsAt(const ConfigValue& root, std::string_view place) {
  const ConfigValue* value = &root;
  while (value != nullptr && !place.empty()) {
    const size_t dot = std::min(place.find('.'), place.size());
    value = value->Find(place.substr(0, dot));
    place.remove_prefix(std::min(dot + 1, place.size()));
  }
  return value;
}

}  // namespace

// Values on demand: a default may need other fields, which may have defaults.
class FieldReader {
 public:
  FieldReader(const FieldTable& table, const ConfigValue& config)
      : table_(table), config_(config) {}

  absl::StatusOr<ConfigValue> Get(const std::string& name) {
    if (const auto known = values_.find(name); known != values_.end()) return known->second;
    const auto field = table_.fields_.find(name);
    if (field == table_.fields_.end()) {
      return absl::InvalidArgumentError(absl::StrCat(name, ": the family has no such field"));
    }
    if (!busy_.insert(name).second) {
      return absl::InvalidArgumentError(absl::StrCat(name, ": its default needs itself"));
    }
    ASSIGN_OR_RETURN(ConfigValue value, Find(name, field->second));
    busy_.erase(name);
    return values_[name] = std::move(value);
  }

  FieldValues Take() { return std::move(values_); }

 private:
  absl::StatusOr<ConfigValue> Find(const std::string& name, const FieldTable::Field& field) {
    bool is_null = false;
    for (const std::string& place : field.places) {
      const ConfigValue* value = StandsAt(config_, place);
      if (value == nullptr) continue;
      is_null |= value->empty();
      if (value->empty()) continue;
      if (!field.repeats.empty()) RETURN_IF_ERROR(CheckRepeats(place, field.repeats, *value));
      return *value;
    }
    if (field.is_required) {
      return absl::InvalidArgumentError(
          absl::StrCat("expected a field '", field.places[0], "', got none"));
    }
    if (!IsComputed(field.fallback)) return is_null ? ConfigValue() : field.fallback;
    const std::string& text = *field.fallback.AsText();
    const Lookup lookup = [this](const std::string& other) { return Get(other); };
    auto value = Expression(std::string_view(text).substr(1), lookup).Value();
    if (value.ok()) return value;
    return absl::InvalidArgumentError(
        absl::StrCat(name, ": its default ", text, ": ", value.status().message()));
  }

  static absl::Status CheckRepeats(const std::string& place, const ConfigValue::List& pattern,
                                   const ConfigValue& value) {
    const ConfigValue::List* list = value.AsList();
    bool fits = list != nullptr;
    for (size_t i = 0; fits && i < list->size(); ++i) {
      fits = SameValue((*list)[i], pattern[i % pattern.size()]);
    }
    if (fits) return absl::OkStatus();
    return absl::UnimplementedError(absl::StrCat(place, ": expected ",
                                                 ConfigValue(pattern).ToJson(), " in turns, got ",
                                                 value.ToJson()));
  }

  const FieldTable& table_;
  const ConfigValue& config_;
  FieldValues values_;
  std::set<std::string> busy_;
};

absl::StatusOr<FieldTable> FieldTable::Parse(const ConfigValue& described) {
  if (described.AsTable() == nullptr) {
    return absl::InvalidArgumentError("fields: expected an object");
  }
  FieldTable table;
  for (const auto& [name, value] : *described.AsTable()) {
    if (value.AsTable() == nullptr) {
      return absl::InvalidArgumentError(absl::StrCat("fields.", name, ": expected an object"));
    }
    Field field;
    const ConfigValue* at = value.Find("at");
    if (at == nullptr) {
      field.places.push_back(name);
    } else if (at->AsText() != nullptr) {
      field.places.push_back(*at->AsText());
    } else if (at->AsList() != nullptr) {
      for (const ConfigValue& place : *at->AsList()) {
        if (place.AsText() != nullptr) field.places.push_back(*place.AsText());
      }
    }
    if (field.places.empty()) {
      return absl::InvalidArgumentError(absl::StrCat("fields.", name, ".at: expected places"));
    }
    const ConfigValue* fallback = value.Find("default");
    field.is_required = fallback == nullptr;
    if (fallback != nullptr) field.fallback = *fallback;
    if (const ConfigValue* repeats = value.Find("repeats")) {
      if (repeats->AsList() == nullptr || repeats->AsList()->empty()) {
        return absl::InvalidArgumentError(
            absl::StrCat("fields.", name, ".repeats: expected a list"));
      }
      field.repeats = *repeats->AsList();
    }
    table.fields_[name] = std::move(field);
  }
  return table;
}

absl::StatusOr<FieldValues> FieldTable::Read(const ConfigValue& config,
                                             std::string_view where) const {
  FieldReader reader(*this, config);
  for (const auto& [name, field] : fields_) {
    const auto value = reader.Get(name);
    if (!value.ok()) {
      return absl::Status(value.status().code(),
                          absl::StrCat(where, ": ", value.status().message()));
    }
  }
  return reader.Take();
}

absl::Status FieldTable::Write(const FieldValues& values, ConfigValue& config) const {
  for (const auto& [name, value] : values) {
    const auto field = fields_.find(name);
    RET_CHECK(field != fields_.end()) << name;
    const std::string* place = &field->second.places[0];
    const ConfigValue* known = nullptr;
    for (const std::string& other : field->second.places) {
      known = StandsAt(config, other);
      if (known == nullptr) continue;
      place = &other;
      break;
    }
    if (known != nullptr && SameValue(*known, value)) continue;
    if (known == nullptr && value.empty() && field->second.fallback.empty()) continue;
    PutAt(config, *place, value);
  }
  return absl::OkStatus();
}

std::vector<std::string> FieldTable::Places() const {
  std::set<std::string> places;
  for (const auto& [name, field] : fields_) {
    for (const std::string& place : field.places) {
      places.insert(place);
      for (size_t dot = place.find('.'); dot != std::string::npos; dot = place.find('.', dot + 1)) {
        places.insert(place.substr(0, dot));
      }
    }
  }
  return {places.begin(), places.end()};
}

absl::StatusOr<ConfigValue> ComputeField(std::string_view expression, const FieldValues& values) {
  const Lookup lookup = [&](const std::string& name) -> absl::StatusOr<ConfigValue> {
    const auto found = values.find(name);
    if (found != values.end()) return found->second;
    return absl::InvalidArgumentError(absl::StrCat(name, ": the family has no such field"));
  };
  return Expression(expression, lookup).Value();
}

}  // namespace tessera
