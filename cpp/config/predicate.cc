#include "cpp/config/predicate.h"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "cpp/base/text.h"
#include "cpp/config/field_check.h"

namespace tessera {
namespace {

using Kind = JsonValue::Kind;
using Test = Condition::Test;

constexpr std::array<std::pair<std::string_view, Test>, 7> kTests = {{{"eq", Test::kEq},
                                                                      {"ne", Test::kNe},
                                                                      {"lt", Test::kLt},
                                                                      {"le", Test::kLe},
                                                                      {"gt", Test::kGt},
                                                                      {"ge", Test::kGe},
                                                                      {"in", Test::kIn}}};

// A plain value, or nothing.
std::optional<ConfigValue> PlainValue(const JsonValue& value) {
  switch (value.kind) {
    case Kind::kBool:
      return ConfigValue(value.boolean);
    case Kind::kText:
      return ConfigValue(value.text);
    case Kind::kNumber: {
      int64_t integer = 0;
      if (absl::SimpleAtoi(value.text, &integer)) return ConfigValue(integer);
      double number = 0;
      if (absl::SimpleAtod(value.text, &number)) return ConfigValue(number);
      return std::nullopt;
    }
    case Kind::kList: {
      ConfigValue::List list;
      for (const JsonValue& item : value.items) {
        std::optional<ConfigValue> read = PlainValue(item);
        if (!read.has_value() || read->AsList() != nullptr) return std::nullopt;
        list.push_back(*std::move(read));
      }
      return ConfigValue(std::move(list));
    }
    default:
      return std::nullopt;
  }
}

std::optional<double> Number(const ConfigValue& value) {
  if (const int64_t* integer = value.AsInt()) return static_cast<double>(*integer);
  if (const double* number = value.AsFloat()) return *number;
  return std::nullopt;
}

bool IsEqual(const ConfigValue& a, const ConfigValue& b) {
  if (a == b) return true;
  const std::optional<double> x = Number(a), y = Number(b);
  return x.has_value() && y.has_value() && *x == *y;
}

void Fail(const JsonDocument& document, size_t offset, std::string_view path,
          std::string expected, std::string got, std::string nearest, ConfigErrors& errors) {
  const ConfigOrigin origin = document.OriginAt(offset);
  ConfigError error;
  error.file = *origin.source;
  error.line = origin.line;
  error.column = origin.column;
  error.path = std::string(path);
  error.expected = std::move(expected);
  error.got = std::move(got);
  error.nearest = std::move(nearest);
  errors.Add(std::move(error));
}

bool ReadTest(const JsonMember& member, const JsonDocument& document, const std::string& path,
              ConfigErrors& errors, Condition& condition) {
  const auto found = std::find_if(kTests.begin(), kTests.end(),
                                  [&](const auto& test) { return test.first == member.name; });
  if (found == kTests.end()) {
    Fail(document, member.offset, path, "a test (eq, ne, lt, le, gt, ge, in)",
         Quoted(member.name), MeantName(member.name, {"eq", "ne", "lt", "le", "gt", "ge", "in"}),
         errors);
    return false;
  }
  condition.test = found->second;
  std::optional<ConfigValue> value = PlainValue(member.value);
  const bool wants_list = condition.test == Test::kIn;
  const bool wants_number = condition.test != Test::kEq && condition.test != Test::kNe &&
                            !wants_list;
  const bool fits = value.has_value() && wants_list == (value->AsList() != nullptr) &&
                    (!wants_number || Number(*value).has_value());
  if (!fits) {
    Fail(document, member.value.offset, path,
         wants_list ? "a list of numbers, texts or booleans"
                    : wants_number ? "a number" : "a number, a text or a boolean",
         Describe(member.value), "", errors);
    return false;
  }
  condition.value = *std::move(value);
  return true;
}

}  // namespace

bool ReadConditions(const JsonValue& value, const JsonDocument& document, std::string_view what,
                    ConfigErrors& errors, std::vector<Condition>& out) {
  if (value.kind != Kind::kObject) {
    Fail(document, value.offset, what,
         absl::StrCat("an object of conditions, as in {\"num_heads\": {\"ge\": 8}}"),
         Describe(value), "", errors);
    return false;
  }
  bool all_fit = true;
  for (const JsonMember& member : value.members) {
    const std::string path = absl::StrCat(what, ".", member.name.substr(0, 80));
    Condition condition;
    condition.field = member.name;
    condition.offset = member.offset;
    if (member.value.kind == Kind::kObject && !member.value.members.empty()) {
      for (const JsonMember& test : member.value.members) {
        if (ReadTest(test, document, path, errors, condition)) {
          out.push_back(condition);
        } else {
          all_fit = false;
        }
      }
      continue;
    }
    std::optional<ConfigValue> plain = PlainValue(member.value);
    if (!plain.has_value()) {
      Fail(document, member.value.offset, path,
           "a value, a list of them, or a test such as {\"ge\": 8}", Describe(member.value), "",
           errors);
      all_fit = false;
      continue;
    }
    condition.test = plain->AsList() != nullptr ? Test::kIn : Test::kEq;
    condition.value = *std::move(plain);
    out.push_back(std::move(condition));
  }
  return all_fit;
}

const ConfigValue* FieldBelow(const ConfigNode& node, std::string_view path) {
  const size_t dot = path.find('.');
  if (dot == std::string_view::npos) {
    const FieldInfo* field = node.info().Find(path);
    return field == nullptr ? nullptr : node.Value(field->name);
  }
  const ConfigNode* child = node.Child(path.substr(0, dot));
  return child == nullptr ? nullptr : FieldBelow(*child, path.substr(dot + 1));
}

bool HasFieldBelow(const ConfigNode& node, std::string_view path) {
  const size_t dot = path.find('.');
  const FieldInfo* field = node.info().Find(path.substr(0, dot));
  if (field == nullptr) return false;
  if (dot == std::string_view::npos) return field->kind != FieldKind::kSlot;
  const ConfigNode* child = node.Child(field->name);
  return child != nullptr && HasFieldBelow(*child, path.substr(dot + 1));
}

bool Holds(const Condition& condition, const ConfigNode& node) {
  const ConfigValue* value = FieldBelow(node, condition.field);
  if (value == nullptr) return condition.test == Test::kNe;
  switch (condition.test) {
    case Test::kEq:
      return IsEqual(*value, condition.value);
    case Test::kNe:
      return !IsEqual(*value, condition.value);
    case Test::kIn: {
      const ConfigValue::List& list = *condition.value.AsList();
      return std::any_of(list.begin(), list.end(),
                         [&](const ConfigValue& item) { return IsEqual(*value, item); });
    }
    default:
      break;
  }
  const std::optional<double> have = Number(*value), bound = Number(condition.value);
  if (!have.has_value() || !bound.has_value()) return false;
  switch (condition.test) {
    case Test::kLt:
      return *have < *bound;
    case Test::kLe:
      return *have <= *bound;
    case Test::kGt:
      return *have > *bound;
    default:
      return *have >= *bound;
  }
}

}  // namespace tessera
