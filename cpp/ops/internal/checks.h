// Checks: attribute checks that several ops have in common. Not an op itself. Thread-safe.
#pragma once

#include <initializer_list>
#include <string_view>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "cpp/ir/op_def.h"

namespace tessera {

// "epsilon must be at least 0, got -1"
inline absl::Status CheckEpsilon(const OpUse& use) {
  const double epsilon = use.attrs.Float("epsilon");
  if (epsilon >= 0) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("epsilon must be at least 0, got ", epsilon));
}

// "beta1 must be in [0, 1), got 1"
inline absl::Status CheckFraction(const Attrs& attrs, std::string_view name) {
  const double value = attrs.Float(name);
  if (value >= 0 && value < 1) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(name, " must be in [0, 1), got ", value));
}

// "activation expected one of relu, silu; got 'swish'"
inline absl::Status CheckChoice(const Attrs& attrs, std::string_view name,
                                std::initializer_list<std::string_view> choices) {
  const std::string value = attrs.Text(name);
  for (std::string_view choice : choices) {
    if (choice == value) return absl::OkStatus();
  }
  return absl::InvalidArgumentError(absl::StrCat(name, " expected one of ",
                                                 absl::StrJoin(choices, ", "), "; got '", value,
                                                 "'"));
}

// "num_experts must be between 1 and 2147483647, got 0": ids are 32-bit.
inline absl::Status CheckExperts(const OpUse& use) {
  const int64_t count = use.attrs.Int("num_experts");
  if (count >= 1 && count <= 2147483647) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("num_experts must be between 1 and 2147483647, got ", count));
}

}  // namespace tessera
