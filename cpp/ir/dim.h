// Dim: one dimension of a graph value, an integer expression over the program's symbols.
//
// Symbols are usually `B` (batch) and `T` (sequence). Expressions are kept in a normal form (a sum
// of products with integer factors; ceil_div, min and max of normal forms count as atoms), so two
// dims are equal when their texts are. Arithmetic that leaves 64 bits, or expressions far beyond
// what programs need, give a dim that equals none, not even itself, that no text reads back to and
// that has no size: hostile graphs come to an error, not to undefined behaviour. Plain data.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace tessera {

// Sizes for symbols: {"B": 8, "T": 512}.
using SymbolSizes = std::map<std::string, int64_t, std::less<>>;

class Dim {
 public:
  Dim() = default;
  Dim(int64_t value);  // NOLINT: an integer is a dim

  static Dim Symbol(std::string_view name);
  // Text as printed by ToText: "B*T", "2*B+16", "ceil_div(T,16)". InvalidArgument otherwise.
  static absl::StatusOr<Dim> Parse(std::string_view text);

  friend Dim operator+(const Dim& a, const Dim& b);
  friend Dim operator-(const Dim& a, const Dim& b);
  friend Dim operator*(const Dim& a, const Dim& b);
  static Dim CeilDiv(const Dim& a, const Dim& b);
  static Dim Min(const Dim& a, const Dim& b);
  static Dim Max(const Dim& a, const Dim& b);

  bool IsConst() const;
  // REQUIRES: IsConst().
  int64_t value() const;

  // InvalidArgument for a symbol without a size, a division by zero or an overflow.
  absl::StatusOr<int64_t> Eval(const SymbolSizes& sizes) const;

  std::string ToText() const;
  bool operator==(const Dim& other) const { return terms_ == other.terms_ && !IsTooLarge(); }
  bool operator<(const Dim& other) const { return terms_ < other.terms_; }

 private:
  // Product of atoms (sorted, with repetition) -> factor. The empty product is the constant.
  // An atom is a symbol name or the text of a function of normal forms.
  std::map<std::vector<std::string>, int64_t> terms_;

  // factor * atoms added; `overflow` says that the factor itself left 64 bits.
  void AddTerm(const std::vector<std::string>& atoms, int64_t factor, bool overflow = false);
  void AddAll(const Dim& other, int sign);
  bool IsTooLarge() const;
  static Dim TooLarge();
  static Dim Atom(std::string text);
};

using Dims = std::vector<Dim>;

// Product of all dims; 1 for none.
Dim Product(const Dims& dims);
// "[B,T,512]"
std::string ToText(const Dims& dims);
// "B,T,512" with or without brackets.
absl::StatusOr<Dims> ParseDims(std::string_view text);
absl::StatusOr<std::vector<int64_t>> Eval(const Dims& dims, const SymbolSizes& sizes);

}  // namespace tessera
