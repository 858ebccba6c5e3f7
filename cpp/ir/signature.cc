#include "cpp/ir/signature.h"

#include <algorithm>
#include <cctype>
#include <map>
#include <optional>
#include <set>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "cpp/base/status_macros.h"

namespace tessera {
namespace {

// Recursive descent over the text form; no recursion is needed, so no depth to bound.
class Parser {
 public:
  explicit Parser(std::string_view text) : text_(text) {}

  absl::StatusOr<Signature> ParseAll() {
    Signature signature;
    if (!Eat("->")) {
      RETURN_IF_ERROR(Operands(signature.inputs));
      if (!Eat("->")) return Error("'->'");
    }
    RETURN_IF_ERROR(Operands(signature.outputs));
    Skip();
    if (pos_ != text_.size()) return Error("end of text");
    RETURN_IF_ERROR(Validate(signature));
    return signature;
  }

 private:
  void Skip() {
    while (pos_ < text_.size() && text_[pos_] == ' ') ++pos_;
  }
  bool Eat(std::string_view token) {
    Skip();
    if (text_.substr(pos_, token.size()) != token) return false;
    pos_ += token.size();
    return true;
  }
  absl::Status Error(std::string_view expected) const {
    return absl::InvalidArgumentError(absl::StrCat("signature '", text_, "': expected ", expected,
                                                   " at character ", pos_ + 1));
  }
  std::string_view Word() {
    Skip();
    const size_t begin = pos_;
    while (pos_ < text_.size() && (std::isalnum(static_cast<unsigned char>(text_[pos_])) ||
                                   text_[pos_] == '_')) {
      ++pos_;
    }
    return text_.substr(begin, pos_ - begin);
  }

  absl::Status Operands(std::vector<SignatureOperand>& operands) {
    do {
      SignatureOperand operand;
      operand.name = std::string(Word());
      if (operand.name.empty()) return Error("the name of an operand");
      operand.optional = Eat("?");
      if (!operand.optional) operand.repeated = Eat("*");
      if (!Eat("[")) return Error("'['");
      if (!Eat("]")) {
        do {
          RETURN_IF_ERROR(Term(operand));
        } while (Eat(","));
        if (!Eat("]")) return Error("',' or ']'");
      }
      operands.push_back(std::move(operand));
    } while (Eat(","));
    return absl::OkStatus();
  }

  absl::Status Term(SignatureOperand& operand) {
    SignatureTerm term;
    if (Eat("...")) {
      if (!operand.terms.empty()) return Error("'...' first");
      term.kind = SignatureTerm::kRest;
    } else if (Eat("{")) {
      const size_t end = text_.find('}', pos_);
      if (end == std::string_view::npos) return Error("'}'");
      std::string_view inside = absl::StripAsciiWhitespace(text_.substr(pos_, end - pos_));
      term.kind = absl::ConsumeSuffix(&inside, "...") ? SignatureTerm::kFreshList
                                                      : SignatureTerm::kFresh;
      if (inside.empty()) return Error("an attribute or a dim in braces");
      term.name = std::string(inside);
      pos_ = end + 1;
    } else {
      const std::string_view word = Word();
      if (word.empty()) return Error("an index, a number, '...' or '{'");
      if (std::isdigit(static_cast<unsigned char>(word[0]))) {
        term.kind = SignatureTerm::kNumber;
        if (!absl::SimpleAtoi(word, &term.number)) return Error("a 64-bit number");
      } else {
        term.name = std::string(word);
        term.whole = Eat("!");
      }
    }
    operand.terms.push_back(std::move(term));
    return absl::OkStatus();
  }

  absl::Status Validate(const Signature& signature) const {
    std::set<std::string, std::less<>> names;
    bool rest = false, optional = false, repeated = false;
    for (const SignatureOperand& operand : signature.inputs) {
      if (optional && !operand.optional) return Error("optional operands last");
      if (operand.repeated && repeated) return Error("one repeated operand at most");
      optional = optional || operand.optional;
      repeated = repeated || operand.repeated;
      rest = rest || operand.HasRest();
      for (const SignatureTerm& term : operand.terms) {
        if (term.kind == SignatureTerm::kIndex) names.insert(term.name);
        if (term.kind >= SignatureTerm::kFresh) return Error("fresh sizes only in outputs");
      }
    }
    if (optional && repeated) return Error("optional or repeated operands, not both");
    for (const SignatureOperand& operand : signature.outputs) {
      if (operand.optional || operand.repeated) return Error("outputs that are always there");
      if (operand.HasRest() && !rest) return Error("an input with '...'");
      for (const SignatureTerm& term : operand.terms) {
        if (term.kind == SignatureTerm::kIndex && !names.contains(term.name)) {
          return Error(absl::StrCat("an input with index '", term.name, "'"));
        }
      }
    }
    return absl::OkStatus();
  }

  std::string_view text_;
  size_t pos_ = 0;
};

// What the inputs say about the indices.
class Bindings {
 public:
  absl::Status Bind(const SignatureOperand& operand, const ValueType& type) {
    const size_t rest_count = operand.HasRest() ? 1 : 0;
    const size_t named = operand.terms.size() - rest_count;
    if (type.dims.size() < named || (rest_count == 0 && type.dims.size() != named)) {
      return absl::InvalidArgumentError(
          absl::StrCat("operand '", operand.name, "': expected ", rest_count > 0 ? "at least " : "",
                       named, named == 1 ? " dim" : " dims", ", got ", type.ToText()));
    }
    const size_t lead = type.dims.size() - named;
    if (rest_count > 0) RETURN_IF_ERROR(BindRest(operand, type, lead));
    for (size_t i = 0; i < named; ++i) {
      const SignatureTerm& term = operand.terms[i + rest_count];
      const Dim& got = type.dims[lead + i];
      if (term.kind == SignatureTerm::kNumber) {
        if (got != Dim(term.number)) {
          return absl::InvalidArgumentError(
              absl::StrCat("operand '", operand.name, "': dim ", lead + i, " expected ",
                           term.number, ", got ", got.ToText(), " in ", type.ToText()));
        }
        continue;
      }
      const auto [it, is_new] = sizes_.try_emplace(term.name, got, operand.name);
      if (!is_new && it->second.first != got) {
        return absl::InvalidArgumentError(absl::StrCat(
            "operand '", operand.name, "': dim ", lead + i, " (", term.name, ") expected ",
            it->second.first.ToText(), " as in '", it->second.second, "', got ", got.ToText(),
            " in ", type.ToText()));
      }
    }
    return absl::OkStatus();
  }

  absl::StatusOr<Dims> DimsOf(const SignatureOperand& operand, const Attrs& attrs) const {
    Dims dims;
    for (const SignatureTerm& term : operand.terms) {
      if (term.kind == SignatureTerm::kRest) {
        dims = rest_.value_or(Dims());
      } else if (term.kind == SignatureTerm::kNumber) {
        dims.push_back(Dim(term.number));
      } else if (term.kind == SignatureTerm::kIndex) {
        const auto it = sizes_.find(term.name);
        RET_CHECK(it != sizes_.end()) << "index " << term.name << " of an absent operand";
        dims.push_back(it->second.first);
      } else if (term.kind == SignatureTerm::kFresh) {
        ASSIGN_OR_RETURN(dims.emplace_back(), Fresh(term.name, attrs));
      } else {
        const AttrValue* value = attrs.Find(term.name);
        const std::string* text = value == nullptr ? nullptr : std::get_if<std::string>(value);
        RET_CHECK(text != nullptr) << "no text attribute " << term.name;
        ASSIGN_OR_RETURN(const Dims list, ParseDims(*text));
        dims.insert(dims.end(), list.begin(), list.end());
      }
    }
    for (const Dim& dim : dims) {
      if (dim.IsConst() && dim.value() < 0) {
        return absl::InvalidArgumentError(absl::StrCat("result '", operand.name, "' would be ",
                                                       ToText(dims),
                                                       ", expected sizes of at least 0"));
      }
    }
    return dims;
  }

 private:
  absl::Status BindRest(const SignatureOperand& operand, const ValueType& type, size_t lead) {
    const Dims got(type.dims.begin(), type.dims.begin() + static_cast<int64_t>(lead));
    if (!rest_.has_value()) {
      rest_ = got;
      rest_from_ = operand.name;
    } else if (*rest_ != got) {
      return absl::InvalidArgumentError(
          absl::StrCat("operand '", operand.name, "': leading dims expected ", ToText(*rest_),
                       " as in '", rest_from_, "', got ", ToText(got), " in ", type.ToText()));
    }
    return absl::OkStatus();
  }

  static absl::StatusOr<Dim> Fresh(const std::string& text, const Attrs& attrs) {
    const AttrValue* value = attrs.Find(text);
    if (value == nullptr) return Dim::Parse(text);
    if (const int64_t* number = std::get_if<int64_t>(value)) return Dim(*number);
    const std::string* expression = std::get_if<std::string>(value);
    RET_CHECK(expression != nullptr) << "attribute " << text << " is no size";
    return Dim::Parse(*expression);
  }

  std::map<std::string, std::pair<Dim, std::string>, std::less<>> sizes_;
  std::optional<Dims> rest_;
  std::string rest_from_;
};

std::string OperandNames(const std::vector<SignatureOperand>& operands) {
  return absl::StrJoin(operands, ", ", [](std::string* out, const SignatureOperand& operand) {
    absl::StrAppend(out, operand.name, operand.optional ? "?" : operand.repeated ? "*" : "");
  });
}

}  // namespace

absl::StatusOr<Signature> Signature::Parse(std::string_view text) {
  return Parser(text).ParseAll();
}

absl::StatusOr<std::vector<const SignatureOperand*>> Signature::Match(size_t count) const {
  size_t least = 0, most = inputs.size();
  for (const SignatureOperand& operand : inputs) {
    least += operand.optional ? 0 : 1;
    if (operand.repeated) most = count;
  }
  if (count < least || count > std::max(least, most)) {
    return absl::InvalidArgumentError(
        absl::StrCat("expected operands (", OperandNames(inputs), "), got ", count));
  }
  std::vector<const SignatureOperand*> matched;
  for (const SignatureOperand& operand : inputs) {
    const size_t times = operand.repeated ? count - (inputs.size() - 1) : 1;
    for (size_t i = 0; i < times && matched.size() < count; ++i) matched.push_back(&operand);
  }
  return matched;
}

absl::StatusOr<std::vector<Dims>> Signature::Infer(absl::Span<const ValueType> types,
                                                   const Attrs& attrs) const {
  ASSIGN_OR_RETURN(const auto operands, Match(types.size()));
  Bindings bindings;
  for (size_t i = 0; i < operands.size(); ++i) {
    RETURN_IF_ERROR(bindings.Bind(*operands[i], types[i]));
  }
  std::vector<Dims> dims;
  for (const SignatureOperand& output : outputs) {
    ASSIGN_OR_RETURN(dims.emplace_back(), bindings.DimsOf(output, attrs));
  }
  return dims;
}

bool Signature::IsRowWise() const {
  const auto has_rest = [](const SignatureOperand& operand) { return operand.HasRest(); };
  return !outputs.empty() && std::all_of(outputs.begin(), outputs.end(), has_rest) &&
         std::any_of(inputs.begin(), inputs.end(), has_rest);
}

int Signature::RowOffset() const {
  for (size_t i = 0; i < inputs.size(); ++i) {
    if (inputs[i].name == "offset" && inputs[i].terms.empty()) return static_cast<int>(i);
  }
  return -1;
}

}  // namespace tessera
