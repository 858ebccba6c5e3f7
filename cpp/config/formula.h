// Formula: a small expression over the plain fields of a node, as schemas write them.
//
//   num_heads * (head_dim or model_dim / num_heads)
//
// Operands are fields, numbers, true, false and 'texts'; operators, loosest first: `or` (the left
// side unless it is 0, false or empty, then the right one), + and -, * and / (of integers: rounded
// down; true counts as 1); brackets. No functions, no comparisons. Immutable; thread-safe.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "cpp/config/value.h"

namespace tessera {

class ConfigNode;
struct TypeInfo;

class Formula {
 public:
  // INVALID_ARGUMENT with what is wrong and where.
  static absl::StatusOr<Formula> Parse(std::string_view text);

  // No formula at all: attributes may be absent.
  bool empty() const { return steps_.empty(); }
  const std::string& text() const { return text_; }

  // Are all names plain fields of the type, and every operand fit for its operator?
  absl::Status Check(const TypeInfo& type) const;

  // Nothing when a field has no value, a number does not fit into 64 bits or is divided by 0.
  ConfigValue Evaluate(const ConfigNode& node) const;
  // Do all the fields have values?
  bool HasOperands(const ConfigNode& node) const;

 private:
  friend class FormulaParser;

  // In postfix order.
  struct Step {
    enum Kind { kLiteral, kField, kOr, kAdd, kSubtract, kMultiply, kDivide } kind = kLiteral;
    ConfigValue literal;
    std::string field;
  };

  static ConfigValue Apply(Step::Kind kind, const ConfigValue& left, const ConfigValue& right);

  std::string text_;
  std::vector<Step> steps_;
};

// false, 0, 0.0, "" and nothing are not.
bool IsTruth(const ConfigValue& value);

}  // namespace tessera
