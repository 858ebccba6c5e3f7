#include "cpp/config/formula.h"

#include <cmath>
#include <optional>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "cpp/base/status_macros.h"
#include "cpp/base/suggest.h"
#include "cpp/base/text.h"
#include "cpp/config/tree.h"

namespace tessera {
namespace {

// Far more than any schema needs.
constexpr size_t kMostBytes = 1000;
constexpr int kDeepest = 32;   // brackets inside each other

bool IsNameByte(char c) { return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '_'; }

std::optional<double> NumberOf(const ConfigValue& value) {
  if (const int64_t* integer = value.AsInt()) return static_cast<double>(*integer);
  if (const double* number = value.AsFloat()) return *number;
  return std::nullopt;
}

// true counts as 1, false as 0.
ConfigValue Counted(const ConfigValue& value) {
  const bool* truth = value.AsBool();
  return truth == nullptr ? value : ConfigValue(int64_t{*truth});
}

int64_t DividedDown(int64_t left, int64_t right) {
  const int64_t quotient = left / right;
  return left % right != 0 && (left < 0) != (right < 0) ? quotient - 1 : quotient;
}

}  // namespace

bool IsTruth(const ConfigValue& value) {
  if (const bool* truth = value.AsBool()) return *truth;
  if (const std::string* text = value.AsText()) return !text->empty();
  const std::optional<double> number = NumberOf(value);
  return number.has_value() && *number != 0;
}

// Recursive descent over the text; what it reads goes to the formula in postfix order.
class FormulaParser {
 public:
  explicit FormulaParser(std::string_view text) : text_(text) {}

  absl::StatusOr<Formula> Parse() {
    if (text_.size() > kMostBytes) return Wrong("at most 1000 bytes");
    RETURN_IF_ERROR(ReadOr(0));
    if (!Rest().empty()) return Wrong("an operator or the end");
    formula_.text_ = std::string(absl::StripAsciiWhitespace(text_));
    return std::move(formula_);
  }

 private:
  using Step = Formula::Step;

  std::string_view Rest() {
    while (at_ < text_.size() && absl::ascii_isspace(static_cast<unsigned char>(text_[at_]))) ++at_;
    return text_.substr(at_);
  }

  bool Take(char c) {
    if (Rest().empty() || Rest()[0] != c) return false;
    ++at_;
    return true;
  }

  std::string_view TakeName() {
    size_t length = 0;
    while (length < Rest().size() && IsNameByte(Rest()[length])) ++length;
    const std::string_view name = Rest().substr(0, length);
    at_ += length;
    return name;
  }

  absl::Status Wrong(std::string_view expected) {
    const std::string_view rest = Rest();
    return absl::InvalidArgumentError(absl::StrCat(
        "formula ", Quoted(text_), ": expected ", expected, ", got ",
        rest.empty() ? "its end" : Quoted(rest.substr(0, 20)), " at byte ", at_));
  }

  absl::Status ReadOr(int depth) {
    RETURN_IF_ERROR(ReadSum(depth));
    while (Rest().substr(0, 2) == "or" && (Rest().size() == 2 || !IsNameByte(Rest()[2]))) {
      at_ += 2;
      RETURN_IF_ERROR(ReadSum(depth));
      Push(Step::kOr);
    }
    return absl::OkStatus();
  }

  absl::Status ReadSum(int depth) {
    RETURN_IF_ERROR(ReadProduct(depth));
    while (true) {
      const bool adds = Take('+');
      if (!adds && !Take('-')) return absl::OkStatus();
      RETURN_IF_ERROR(ReadProduct(depth));
      Push(adds ? Step::kAdd : Step::kSubtract);
    }
  }

  absl::Status ReadProduct(int depth) {
    RETURN_IF_ERROR(ReadOperand(depth));
    while (true) {
      const bool multiplies = Take('*');
      if (!multiplies && !Take('/')) return absl::OkStatus();
      RETURN_IF_ERROR(ReadOperand(depth));
      Push(multiplies ? Step::kMultiply : Step::kDivide);
    }
  }

  absl::Status ReadOperand(int depth) {
    if (Take('(')) {
      if (depth >= kDeepest) return Wrong("fewer brackets inside each other");
      RETURN_IF_ERROR(ReadOr(depth + 1));
      return Take(')') ? absl::OkStatus() : Wrong("')'");
    }
    if (Take('\'')) {
      const size_t end = text_.find('\'', at_);
      if (end == std::string_view::npos) return Wrong("a closing quote");
      PushLiteral(ConfigValue(std::string(text_.substr(at_, end - at_))));
      at_ = end + 1;
      return absl::OkStatus();
    }
    if (!Rest().empty() && absl::ascii_isdigit(static_cast<unsigned char>(Rest()[0]))) {
      return ReadNumber();
    }
    const std::string_view name = TakeName();
    if (name.empty() || name == "or") return Wrong("a field, number, 'text' or '('");
    if (name == "true" || name == "false") {
      PushLiteral(ConfigValue(name == "true"));
    } else {
      Push(Step::kField);
      formula_.steps_.back().field = std::string(name);
    }
    return absl::OkStatus();
  }

  absl::Status ReadNumber() {
    size_t length = 0;
    while (length < Rest().size() && (IsNameByte(Rest()[length]) || Rest()[length] == '.')) {
      ++length;
    }
    const std::string_view digits = Rest().substr(0, length);
    int64_t integer = 0;
    double number = 0;
    if (absl::SimpleAtoi(digits, &integer)) {
      PushLiteral(ConfigValue(integer));
    } else if (absl::SimpleAtod(digits, &number) && std::isfinite(number)) {
      PushLiteral(ConfigValue(number));
    } else {
      return Wrong("a number");
    }
    at_ += length;
    return absl::OkStatus();
  }

  void Push(Step::Kind kind) { formula_.steps_.push_back({kind, {}, {}}); }
  void PushLiteral(ConfigValue value) {
    formula_.steps_.push_back({Step::kLiteral, std::move(value), {}});
  }

  std::string_view text_;
  size_t at_ = 0;
  Formula formula_;
};

absl::StatusOr<Formula> Formula::Parse(std::string_view text) {
  return FormulaParser(text).Parse();
}

absl::Status Formula::Check(const TypeInfo& type) const {
  const auto is_number = [](FieldKind kind) {
    return kind == FieldKind::kInt || kind == FieldKind::kFloat || kind == FieldKind::kBool;
  };
  std::vector<FieldKind> stack;
  for (const Step& step : steps_) {
    if (step.kind == Step::kLiteral) {
      stack.push_back(step.literal.AsBool() != nullptr   ? FieldKind::kBool
                      : step.literal.AsText() != nullptr ? FieldKind::kText
                                                         : FieldKind::kFloat);
    } else if (step.kind == Step::kField) {
      const FieldInfo* field = type.Find(step.field);
      if (field == nullptr || field->kind == FieldKind::kSlot ||
          field->kind == FieldKind::kTable || field->is_list) {
        return absl::InvalidArgumentError(absl::StrCat(
            "formula ", Quoted(text_), ": expected a plain field of ", type.name, ", got ",
            Quoted(step.field), SuggestionText(step.field, type.FieldNames())));
      }
      stack.push_back(field->kind);
    } else {
      const FieldKind right = stack.back();
      stack.pop_back();
      if (step.kind == Step::kOr) continue;
      if (is_number(stack.back()) && is_number(right)) continue;
      return absl::InvalidArgumentError(
          absl::StrCat("formula ", Quoted(text_), ": + - * / are for numbers only"));
    }
  }
  return absl::OkStatus();
}

ConfigValue Formula::Apply(Step::Kind kind, const ConfigValue& first, const ConfigValue& second) {
  if (kind == Step::kOr) return IsTruth(first) ? first : second;
  const ConfigValue left = Counted(first), right = Counted(second);
  if (left.AsInt() != nullptr && right.AsInt() != nullptr) {
    const int64_t a = *left.AsInt(), b = *right.AsInt();
    int64_t result = 0;
    bool overflows = false;
    if (kind == Step::kAdd) overflows = __builtin_add_overflow(a, b, &result);
    if (kind == Step::kSubtract) overflows = __builtin_sub_overflow(a, b, &result);
    if (kind == Step::kMultiply) overflows = __builtin_mul_overflow(a, b, &result);
    if (kind == Step::kDivide) {
      overflows = b == 0 || (b == -1 && a == INT64_MIN);
      if (!overflows) result = DividedDown(a, b);
    }
    return overflows ? ConfigValue() : ConfigValue(result);
  }
  const std::optional<double> a = NumberOf(left), b = NumberOf(right);
  if (!a.has_value() || !b.has_value()) return ConfigValue();
  double result = *a + *b;
  if (kind == Step::kSubtract) result = *a - *b;
  if (kind == Step::kMultiply) result = *a * *b;
  if (kind == Step::kDivide) result = *a / *b;
  return std::isfinite(result) ? ConfigValue(result) : ConfigValue();
}

ConfigValue Formula::Evaluate(const ConfigNode& node) const {
  std::vector<ConfigValue> stack;
  for (const Step& step : steps_) {
    if (step.kind == Step::kLiteral) {
      stack.push_back(step.literal);
    } else if (step.kind == Step::kField) {
      const ConfigValue* value = node.Value(step.field);
      stack.push_back(value == nullptr ? ConfigValue() : *value);
    } else {
      const ConfigValue right = std::move(stack.back());
      stack.pop_back();
      stack.back() = Apply(step.kind, stack.back(), right);
    }
  }
  return stack.empty() ? ConfigValue() : stack.back();
}

bool Formula::HasOperands(const ConfigNode& node) const {
  for (const Step& step : steps_) {
    if (step.kind == Step::kField && node.Value(step.field) == nullptr) return false;
  }
  return true;
}

}  // namespace tessera
