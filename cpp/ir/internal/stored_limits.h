// The limits that serializer.h states, counted while functions are written or read.
//
// Both sides count the same things, so that what was written can be read. Not thread-safe.
#pragma once

#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "cpp/ir/function.h"

namespace tessera {

// Costs in units of about a byte of what a reader will hold.
size_t NodeWork(size_t operands);
size_t AttrWork(std::string_view name, const AttrValue& value);
size_t TypeWork(const ValueType& type);

// Rank, length of dims as text, sizes below 0 or beyond what arithmetic on them can hold.
absl::Status CheckStoredType(const ValueType& type);
// Initialisers and weights are finite.
absl::Status CheckStoredNumbers(const Function& function);

class StoredBudget {
 public:
  absl::Status Spend(std::string_view function, size_t units);
  // The next function of the list; `callees` are indices of earlier ones, once per call.
  absl::Status AddFunction(std::string_view name, size_t nodes, absl::Span<const size_t> callees);

  static absl::Status TooDeep(std::string_view function);

 private:
  size_t units_ = 0;
  size_t nodes_ = 0;
  std::vector<size_t> expanded_;  // nodes of each function, its calls written out
  std::vector<int> depths_;
};

}  // namespace tessera
