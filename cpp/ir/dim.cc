#include "cpp/ir/dim.h"

#include <algorithm>
#include <cctype>
#include <limits>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "cpp/base/status_macros.h"

namespace tessera {

namespace {

// No symbol can have this name: Parse takes letters, digits and `_`.
constexpr std::string_view kTooLargeAtom = "too_large!";
constexpr size_t kMaxTerms = 256;
constexpr size_t kMaxAtoms = 64;        // factors of one product
constexpr size_t kMaxAtomText = 4096;
constexpr int64_t kSmallest = std::numeric_limits<int64_t>::min();

int64_t CeilOfQuotient(int64_t a, int64_t b) { return a / b + (a % b > 0 ? 1 : 0); }

}  // namespace

Dim::Dim(int64_t value) { AddTerm({}, value); }

Dim Dim::TooLarge() {
  Dim dim;
  dim.terms_[{std::string(kTooLargeAtom)}] = 1;
  return dim;
}

bool Dim::IsTooLarge() const {
  return terms_.size() == 1 && terms_.begin()->first.size() == 1 &&
         terms_.begin()->first[0] == kTooLargeAtom;
}

Dim Dim::Atom(std::string text) {
  if (text.size() > kMaxAtomText) return TooLarge();
  Dim dim;
  dim.terms_[{std::move(text)}] = 1;
  return dim;
}

Dim Dim::Symbol(std::string_view name) { return Atom(std::string(name)); }

void Dim::AddTerm(const std::vector<std::string>& atoms, int64_t factor, bool overflow) {
  if (IsTooLarge()) return;
  int64_t& sum = terms_[atoms];
  // The smallest number has no magnitude to print.
  if (__builtin_add_overflow(sum, factor, &sum) || sum == kSmallest || overflow ||
      terms_.size() > kMaxTerms || atoms.size() > kMaxAtoms) {
    *this = TooLarge();
  } else if (sum == 0) {
    terms_.erase(atoms);
  }
}

void Dim::AddAll(const Dim& other, int sign) {
  if (other.IsTooLarge()) {
    *this = TooLarge();
    return;
  }
  for (const auto& [atoms, factor] : other.terms_) AddTerm(atoms, sign * factor);
}

Dim operator+(const Dim& a, const Dim& b) {
  Dim sum = a;
  sum.AddAll(b, 1);
  return sum;
}

Dim operator-(const Dim& a, const Dim& b) {
  Dim sum = a;
  sum.AddAll(b, -1);
  return sum;
}

Dim operator*(const Dim& a, const Dim& b) {
  if (a.IsTooLarge() || b.IsTooLarge()) return Dim::TooLarge();
  Dim product;
  for (const auto& [left, left_factor] : a.terms_) {
    for (const auto& [right, right_factor] : b.terms_) {
      std::vector<std::string> atoms = left;
      atoms.insert(atoms.end(), right.begin(), right.end());
      std::sort(atoms.begin(), atoms.end());
      int64_t factor = 0;
      const bool overflow = __builtin_mul_overflow(left_factor, right_factor, &factor);
      product.AddTerm(atoms, factor, overflow);
      if (product.IsTooLarge()) return product;
    }
  }
  return product;
}

bool Dim::IsConst() const {
  return terms_.empty() || (terms_.size() == 1 && terms_.begin()->first.empty());
}

int64_t Dim::value() const { return terms_.empty() ? 0 : terms_.begin()->second; }

Dim Dim::CeilDiv(const Dim& a, const Dim& b) {
  if (b == Dim(1)) return a;
  if (a.IsConst() && b.IsConst() && b.value() > 0) {
    return Dim(CeilOfQuotient(a.value(), b.value()));
  }
  return Atom(absl::StrCat("ceil_div(", a.ToText(), ",", b.ToText(), ")"));
}

Dim Dim::Min(const Dim& a, const Dim& b) {
  if (a == b) return a;
  if (a.IsConst() && b.IsConst()) return Dim(std::min(a.value(), b.value()));
  const bool in_order = a < b;
  return Atom(absl::StrCat("min(", (in_order ? a : b).ToText(), ",",
                           (in_order ? b : a).ToText(), ")"));
}

Dim Dim::Max(const Dim& a, const Dim& b) {
  if (a == b) return a;
  if (a.IsConst() && b.IsConst()) return Dim(std::max(a.value(), b.value()));
  const bool in_order = a < b;
  return Atom(absl::StrCat("max(", (in_order ? a : b).ToText(), ",",
                           (in_order ? b : a).ToText(), ")"));
}

std::string Dim::ToText() const {
  if (terms_.empty()) return "0";
  std::string text;
  // Constants last: B*T+1 reads better than 1+B*T.
  for (auto it = terms_.rbegin(); it != terms_.rend(); ++it) {
    const auto& [atoms, factor] = *it;
    int64_t magnitude = factor;
    if (factor < 0) {
      text += '-';
      magnitude = -factor;
    } else if (!text.empty()) {
      text += '+';
    }
    bool need_star = false;
    if (atoms.empty() || magnitude != 1) {
      absl::StrAppend(&text, magnitude);
      need_star = true;
    }
    for (const std::string& atom : atoms) {
      absl::StrAppend(&text, need_star ? "*" : "", atom);
      need_star = true;
    }
  }
  return text;
}

namespace {

// Recursive descent over the text form. Depth is bounded so that hostile text cannot exhaust the
// stack.
class DimParser {
 public:
  explicit DimParser(std::string_view text) : text_(text) {}

  absl::StatusOr<Dim> ParseAll() {
    ASSIGN_OR_RETURN(Dim dim, Sum(0));
    Skip();
    if (pos_ != text_.size()) return Error("end of text");
    return dim;
  }

 private:
  static constexpr int kMaxDepth = 32;

  void Skip() {
    while (pos_ < text_.size() && text_[pos_] == ' ') ++pos_;
  }
  bool Eat(char c) {
    Skip();
    if (pos_ >= text_.size() || text_[pos_] != c) return false;
    ++pos_;
    return true;
  }
  absl::Status Error(std::string_view expected) const {
    return absl::InvalidArgumentError(absl::StrCat("dim '", text_.substr(0, 80), "': expected ",
                                                   expected, " at character ", pos_ + 1));
  }

  absl::StatusOr<Dim> Sum(int depth) {
    if (depth > kMaxDepth) return Error("less nesting");
    Dim sum;
    bool negative = Eat('-');
    while (true) {
      ASSIGN_OR_RETURN(Dim term, ProductOf(depth));
      sum = negative ? sum - term : sum + term;
      if (Eat('+')) {
        negative = false;
      } else if (Eat('-')) {
        negative = true;
      } else {
        return sum;
      }
    }
  }

  absl::StatusOr<Dim> ProductOf(int depth) {
    ASSIGN_OR_RETURN(Dim product, Factor(depth));
    while (Eat('*')) {
      ASSIGN_OR_RETURN(Dim factor, Factor(depth));
      product = product * factor;
    }
    return product;
  }

  absl::StatusOr<Dim> Factor(int depth) {
    Skip();
    const size_t begin = pos_;
    while (pos_ < text_.size() && (std::isalnum(static_cast<unsigned char>(text_[pos_])) ||
                                   text_[pos_] == '_')) {
      ++pos_;
    }
    const std::string_view word = text_.substr(begin, pos_ - begin);
    if (word.empty()) return Error("a number or symbol");
    if (std::isdigit(static_cast<unsigned char>(word[0]))) {
      int64_t value;
      if (!absl::SimpleAtoi(word, &value)) return Error("a 64-bit number");
      return Dim(value);
    }
    if (!Eat('(')) return Dim::Symbol(word);
    ASSIGN_OR_RETURN(Dim a, Sum(depth + 1));
    if (!Eat(',')) return Error("','");
    ASSIGN_OR_RETURN(Dim b, Sum(depth + 1));
    if (!Eat(')')) return Error("')'");
    if (word == "ceil_div") return Dim::CeilDiv(a, b);
    if (word == "min") return Dim::Min(a, b);
    if (word == "max") return Dim::Max(a, b);
    return Error("ceil_div, min or max");
  }

  std::string_view text_;
  size_t pos_ = 0;
};

// The two arguments of an atom such as "min(B*T,16)"; REQUIRES: the text came from ToText.
std::pair<std::string_view, std::string_view> AtomArguments(std::string_view atom) {
  const size_t open = atom.find('(');
  std::string_view inner = atom.substr(open + 1, atom.size() - open - 2);
  int depth = 0;
  for (size_t i = 0; i < inner.size(); ++i) {
    if (inner[i] == '(') ++depth;
    if (inner[i] == ')') --depth;
    if (inner[i] == ',' && depth == 0) return {inner.substr(0, i), inner.substr(i + 1)};
  }
  return {inner, ""};
}

absl::StatusOr<int64_t> EvalAtom(const std::string& atom, const SymbolSizes& sizes) {
  const size_t open = atom.find('(');
  if (open == std::string::npos) {
    const auto it = sizes.find(atom);
    if (it == sizes.end()) {
      return absl::InvalidArgumentError(absl::StrCat("dim: no size given for symbol '", atom, "'"));
    }
    return it->second;
  }
  const auto [left, right] = AtomArguments(atom);
  ASSIGN_OR_RETURN(const Dim a, Dim::Parse(left));
  ASSIGN_OR_RETURN(const Dim b, Dim::Parse(right));
  ASSIGN_OR_RETURN(const int64_t x, a.Eval(sizes));
  ASSIGN_OR_RETURN(const int64_t y, b.Eval(sizes));
  if (atom[1] == 'i') return std::min(x, y);
  if (atom[1] == 'a') return std::max(x, y);
  if (y <= 0) {
    return absl::InvalidArgumentError(absl::StrCat("dim: ", atom, " divides by ", y));
  }
  return CeilOfQuotient(x, y);
}

}  // namespace

absl::StatusOr<Dim> Dim::Parse(std::string_view text) { return DimParser(text).ParseAll(); }

absl::StatusOr<int64_t> Dim::Eval(const SymbolSizes& sizes) const {
  int64_t sum = 0;
  for (const auto& [atoms, factor] : terms_) {
    int64_t product = factor;
    for (const std::string& atom : atoms) {
      ASSIGN_OR_RETURN(const int64_t size, EvalAtom(atom, sizes));
      if (__builtin_mul_overflow(product, size, &product)) {
        return absl::InvalidArgumentError(absl::StrCat("dim: ", ToText(), " overflows 64 bits"));
      }
    }
    if (__builtin_add_overflow(sum, product, &sum)) {
      return absl::InvalidArgumentError(absl::StrCat("dim: ", ToText(), " overflows 64 bits"));
    }
  }
  return sum;
}

Dim Product(const Dims& dims) {
  Dim product(1);
  for (const Dim& dim : dims) product = product * dim;
  return product;
}

std::string ToText(const Dims& dims) {
  std::string text = "[";
  for (const Dim& dim : dims) absl::StrAppend(&text, text.size() > 1 ? "," : "", dim.ToText());
  return text + "]";
}

absl::StatusOr<Dims> ParseDims(std::string_view text) {
  absl::ConsumePrefix(&text, "[");
  absl::ConsumeSuffix(&text, "]");
  Dims dims;
  if (text.empty()) return dims;
  int depth = 0;
  size_t begin = 0;
  for (size_t i = 0; i <= text.size(); ++i) {
    if (i < text.size() && text[i] == '(') ++depth;
    if (i < text.size() && text[i] == ')') --depth;
    if (i == text.size() || (text[i] == ',' && depth == 0)) {
      ASSIGN_OR_RETURN(Dim dim, Dim::Parse(text.substr(begin, i - begin)));
      dims.push_back(std::move(dim));
      begin = i + 1;
    }
  }
  return dims;
}

absl::StatusOr<std::vector<int64_t>> Eval(const Dims& dims, const SymbolSizes& sizes) {
  std::vector<int64_t> values;
  values.reserve(dims.size());
  for (const Dim& dim : dims) {
    ASSIGN_OR_RETURN(const int64_t value, dim.Eval(sizes));
    if (value < 0) {
      return absl::InvalidArgumentError(
          absl::StrCat("dim: ", dim.ToText(), " is ", value, ", expected at least 0"));
    }
    values.push_back(value);
  }
  return values;
}

}  // namespace tessera
