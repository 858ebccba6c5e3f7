#include "cpp/ir/internal/stored_limits.h"

#include <algorithm>
#include <cmath>
#include <variant>

#include "absl/strings/str_cat.h"
#include "cpp/ir/serializer.h"

namespace tessera {
namespace {

constexpr size_t kMaxUnits = size_t{1} << 27;
constexpr int64_t kMaxDim = int64_t{1} << 48;

absl::Status TooLarge(std::string_view function, std::string_view what, size_t limit) {
  return absl::InvalidArgumentError(absl::StrCat("stored function '", function.substr(0, 200),
                                                 "': expected ", what, " of at most ", limit,
                                                 ", got more"));
}

}  // namespace

size_t NodeWork(size_t operands) { return 64 + 8 * operands; }

size_t AttrWork(std::string_view name, const AttrValue& value) {
  size_t units = 64 + name.size();
  if (const auto* text = std::get_if<std::string>(&value)) units += text->size();
  if (const auto* ints = std::get_if<IntList>(&value)) units += 8 * ints->size();
  return units;
}

size_t TypeWork(const ValueType& type) {
  size_t units = 32;
  for (const Dim& dim : type.dims) units += 16 + dim.ToText().size();
  return units;
}

absl::Status CheckStoredType(const ValueType& type) {
  if (type.dims.size() > kMaxStoredRank) {
    return absl::InvalidArgumentError(absl::StrCat("expected at most ", kMaxStoredRank,
                                                   " dims, got ", type.dims.size()));
  }
  for (const Dim& dim : type.dims) {
    if (dim.IsConst() && (dim.value() < 0 || dim.value() > kMaxDim)) {
      return absl::InvalidArgumentError(
          absl::StrCat("expected a dim from 0 to ", kMaxDim, ", got ", dim.value()));
    }
    const std::string text = dim.ToText();
    if (text.size() > kMaxDimText) {
      return absl::InvalidArgumentError(absl::StrCat("expected a dim of at most ", kMaxDimText,
                                                     " characters, got ", text.size()));
    }
    // What cannot be read back (an overflow, deeper nesting than Parse takes) is not written.
    if (!dim.IsConst() && !Dim::Parse(text).ok()) return Dim::Parse(text).status();
  }
  return absl::OkStatus();
}

absl::Status CheckStoredNumbers(const Function& function) {
  bool finite = true;
  for (const FunctionInput& input : function.inputs()) {
    finite = finite && std::isfinite(input.param.init.mean) &&
             std::isfinite(input.param.init.stddev);
  }
  for (const FunctionOutput& output : function.outputs()) {
    finite = finite && std::isfinite(output.weight);
  }
  if (finite) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("stored function '", function.name(),
                   "': expected finite initialisers and loss weights, got an infinity or NaN"));
}

absl::Status StoredBudget::Spend(std::string_view function, size_t units) {
  units_ = units > kMaxUnits ? kMaxUnits + 1 : units_ + units;
  if (units_ <= kMaxUnits) return absl::OkStatus();
  return TooLarge(function, "a total size", kMaxUnits);
}

absl::Status StoredBudget::AddFunction(std::string_view name, size_t nodes,
                                       absl::Span<const size_t> callees) {
  nodes_ += std::min(nodes, kMaxStoredNodes + 1);
  if (nodes_ > kMaxStoredNodes) return TooLarge(name, "a number of nodes", kMaxStoredNodes);
  if (expanded_.size() >= kMaxStoredFunctions) {
    return TooLarge(name, "a number of functions", kMaxStoredFunctions);
  }
  size_t expanded = nodes;
  int depth = 1;
  for (size_t callee : callees) {
    expanded += expanded_[callee];
    depth = std::max(depth, depths_[callee] + 1);
    if (expanded > kMaxExpandedNodes) {
      return TooLarge(name, "a number of nodes, calls written out,", kMaxExpandedNodes);
    }
  }
  if (depth > kMaxCallDepth) return TooDeep(name);
  expanded_.push_back(expanded);
  depths_.push_back(depth);
  return absl::OkStatus();
}

absl::Status StoredBudget::TooDeep(std::string_view function) {
  return TooLarge(function, "a nesting of calls", static_cast<size_t>(kMaxCallDepth));
}

}  // namespace tessera
