// CaseParser: reads the op case tables, tests/ops/*.cases.
//
//   op NAME                                    the op that the following lines are about
//   case NAME operand=VALUE ... attr=VALUE ... result=VALUE ... [tolerance=T] [dtypes=LIST]
//   grad [NAME] operand=VALUE ... attr=VALUE ...      gradients against finite differences in fp64
//   infer NAME operand=TYPE ... attr=VALUE ... result=TYPE     shape and dtype rule alone
//   fail NAME operand=VALUE ... attr=VALUE ... error="text"    the error contains the text
// A line that starts with a space continues the one before; # starts a comment line. VALUE of an
// operand: numbers in brackets [[1,2],[3,4]], a number (a scalar), or zeros(2,3), ones(2,3),
// full(2,3,=7), arange(4), rising(3,0..6) (0, 2, 4), normal(3,7), uniform(3,0.5..2),
// ints(4,0..7); a dtype goes behind a literal after a colon ([1,2]:i32) or into the parentheses
// (zeros(2,bf16)). Without one it is the dtype of the run: a case is run for each of `dtypes`
// (f64,f32,bf16 when absent; ints: i32).
// Results are also compared with the oracle or, for an op that it does not know, with the plain
// kernel in fp64; with reference=none with the plain kernel in the dtype of the run.
// tolerance=0.01 or tolerance=bf16:0.02,f32:1e-4 is relative, to the element and to the largest
// magnitude; active=x,y names the operands whose gradients a grad line checks (all floats when
// absent). Random values follow from op, case and operand name. Header only; not thread-safe.
#pragma once

#include <cctype>
#include <cmath>
#include <fstream>
#include <limits>
#include <sstream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "cpp/base/hash.h"
#include "cpp/base/philox.h"
#include "cpp/base/status_macros.h"
#include "cpp/ir/op_def.h"
#include "cpp/tensor/tensor.h"

namespace tessera {

struct OpCase {
  std::string kind;  // "case", "grad", "infer", "fail"
  std::string op;
  std::string name;
  std::string place;  // "rms_norm.cases:12"
  std::vector<std::pair<std::string, std::string>> fields;  // in order

  std::string Field(std::string_view key, std::string_view fallback = "") const {
    for (const auto& [name, value] : fields) {
      if (name == key) return value;
    }
    return std::string(fallback);
  }
};

// Words of a line: separated by spaces outside of brackets and quotes; quotes are taken off.
inline std::vector<std::string> CaseWords(std::string_view line) {
  std::vector<std::string> words;
  std::string word;
  bool quoted = false, any = false;
  int depth = 0;
  for (char c : line) {
    if (c == '"') {
      quoted = !quoted;
      any = true;
    } else if (c == ' ' && !quoted && depth == 0) {
      if (any) words.push_back(std::move(word));
      word.clear();
      any = false;
    } else {
      if (!quoted && (c == '[' || c == '(')) ++depth;
      if (!quoted && (c == ']' || c == ')')) --depth;
      word += c;
      any = true;
    }
  }
  if (any) words.push_back(std::move(word));
  return words;
}

inline absl::StatusOr<std::vector<OpCase>> ParseCases(std::string_view text,
                                                      const std::string& file) {
  std::vector<std::pair<int, std::string>> lines;
  int number = 0;
  for (std::string_view line : absl::StrSplit(text, '\n')) {
    ++number;
    if (line.empty() || line[0] == '#') continue;
    if (line[0] == ' ' && !lines.empty()) {
      absl::StrAppend(&lines.back().second, " ", line);
    } else {
      lines.emplace_back(number, line);
    }
  }
  std::vector<OpCase> cases;
  std::string op;
  for (const auto& [at, line] : lines) {
    const std::vector<std::string> words = CaseWords(line);
    const std::string place = absl::StrCat(file, ":", at);
    if (words.empty()) continue;
    if (words[0] == "op" && words.size() == 2) {
      op = words[1];
      continue;
    }
    OpCase entry = {words[0], op, "", place, {}};
    if (op.empty() || (words[0] != "case" && words[0] != "grad" && words[0] != "infer" &&
                       words[0] != "fail")) {
      return absl::InvalidArgumentError(
          absl::StrCat(place, ": expected op, case, grad, infer or fail, got '", words[0], "'"));
    }
    for (size_t i = 1; i < words.size(); ++i) {
      const size_t equals = words[i].find('=');
      if (equals != std::string::npos) {
        entry.fields.emplace_back(words[i].substr(0, equals), words[i].substr(equals + 1));
      } else if (i == 1) {
        entry.name = words[i];
      } else {
        return absl::InvalidArgumentError(
            absl::StrCat(place, ": expected key=value, got '", words[i], "'"));
      }
    }
    if (entry.name.empty() && words[0] != "grad") {
      return absl::InvalidArgumentError(absl::StrCat(place, ": expected a name"));
    }
    cases.push_back(std::move(entry));
  }
  return cases;
}

inline absl::StatusOr<double> CaseNumber(std::string_view text) {
  if (text == "true") return 1.0;
  if (text == "false") return 0.0;
  double value;
  if (absl::SimpleAtod(text, &value)) return value;
  return absl::InvalidArgumentError(absl::StrCat("expected a number, got '", text, "'"));
}

// Reads [[1,2],[3,4]] into dims and numbers.
class LiteralReader {
 public:
  explicit LiteralReader(std::string_view text) : text_(text) {}

  absl::Status Read() {
    RETURN_IF_ERROR(Level(0));
    if (pos_ != text_.size()) return Bad("end of value");
    return absl::OkStatus();
  }
  std::vector<int64_t> dims;
  std::vector<double> values;

 private:
  absl::Status Bad(std::string_view expected) const {
    return absl::InvalidArgumentError(absl::StrCat("value '", text_, "': expected ", expected,
                                                   " at character ", pos_ + 1));
  }
  void Skip() {
    while (pos_ < text_.size() && text_[pos_] == ' ') ++pos_;
  }
  absl::Status Level(size_t depth) {
    Skip();
    if (pos_ >= text_.size() || text_[pos_] != '[') {
      const size_t end = std::min(text_.find_first_of(",]", pos_), text_.size());
      ASSIGN_OR_RETURN(const double value,
                       CaseNumber(absl::StripAsciiWhitespace(text_.substr(pos_, end - pos_))));
      values.push_back(value);
      pos_ = end;
      return absl::OkStatus();
    }
    ++pos_;
    const bool first = dims.size() == depth;
    if (first) dims.push_back(0);
    int64_t count = 0;
    Skip();
    while (pos_ < text_.size() && text_[pos_] != ']') {
      RETURN_IF_ERROR(Level(depth + 1));
      ++count;
      Skip();
      if (pos_ < text_.size() && text_[pos_] == ',') ++pos_;
    }
    if (pos_ >= text_.size()) return Bad("']'");
    ++pos_;
    if (!first && dims[depth] != count) return Bad("rows of equal length");
    dims[depth] = count;
    return absl::OkStatus();
  }

  std::string_view text_;
  size_t pos_ = 0;
};

struct GeneratorArgs {
  std::vector<int64_t> dims;
  DType dtype;
  bool has_dtype = false;
  double low = 0, high = 1, value = 0;
  bool has_range = false;
};

inline absl::StatusOr<GeneratorArgs> ParseGeneratorArgs(std::string_view args, DType dtype) {
  GeneratorArgs parsed;
  parsed.dtype = dtype;
  for (std::string_view arg : absl::StrSplit(args, ',', absl::SkipEmpty())) {
    const size_t range = arg.find("..");
    int64_t dim;
    if (range != std::string_view::npos) {
      ASSIGN_OR_RETURN(parsed.low, CaseNumber(arg.substr(0, range)));
      ASSIGN_OR_RETURN(parsed.high, CaseNumber(arg.substr(range + 2)));
      parsed.has_range = true;
    } else if (absl::ConsumePrefix(&arg, "=")) {
      ASSIGN_OR_RETURN(parsed.value, CaseNumber(arg));
    } else if (absl::SimpleAtoi(arg, &dim)) {
      parsed.dims.push_back(dim);
    } else if (DTypeFromName(arg).has_value()) {
      parsed.dtype = *DTypeFromName(arg);
      parsed.has_dtype = true;
    } else {
      return absl::InvalidArgumentError(absl::StrCat("unknown argument '", arg, "'"));
    }
  }
  return parsed;
}

// Element i of `count`.
inline double GeneratedValue(std::string_view generator, const GeneratorArgs& args, uint64_t seed,
                             int64_t i, int64_t count) {
  const double u = philox::UnitDouble(PhiloxU64(seed, 1, static_cast<uint64_t>(i)));
  const double v = philox::UnitDouble(PhiloxU64(seed, 2, static_cast<uint64_t>(i)));
  if (generator == "ones") return 1;
  if (generator == "full") return args.value;
  if (generator == "arange") return static_cast<double>(i);
  if (generator == "rising") {
    return args.low + (args.high - args.low) * static_cast<double>(i) / static_cast<double>(count);
  }
  if (generator == "uniform") return args.low + (args.high - args.low) * u;
  if (generator == "ints") {
    const double high = args.has_range ? args.high : 10;
    return std::floor(args.low + (high - args.low) * u);
  }
  if (generator == "normal") {
    const double n = std::sqrt(-2 * std::log(1 - u)) * std::cos(2 * M_PI * v);
    return IsFloat(args.dtype) ? n : std::round(4 * n);
  }
  return 0;
}

// The tensor that a VALUE describes. `given` tells whether it named a dtype of its own.
inline absl::StatusOr<Tensor> CaseTensor(const std::string& text, DType run_dtype, uint64_t seed,
                                         bool* given = nullptr) {
  const size_t open = text.find('(');
  if (open != std::string::npos && text.back() == ')') {
    const std::string generator = text.substr(0, open);
    const DType fallback = generator == "ints" ? DType::kI32 : run_dtype;
    ASSIGN_OR_RETURN(const GeneratorArgs args,
                     ParseGeneratorArgs(text.substr(open + 1, text.size() - open - 2), fallback));
    static constexpr std::string_view kKnown[] = {"zeros",  "ones",   "full",   "arange",
                                                  "rising", "normal", "uniform", "ints"};
    if (std::find(std::begin(kKnown), std::end(kKnown), generator) == std::end(kKnown)) {
      return absl::InvalidArgumentError(absl::StrCat("unknown generator '", generator, "'"));
    }
    if (given != nullptr) *given = args.has_dtype || generator == "ints";
    ASSIGN_OR_RETURN(Tensor tensor, Tensor::Zeros(args.dtype, args.dims));
    for (int64_t i = 0; i < tensor.count(); ++i) {
      tensor.Put(i, GeneratedValue(generator, args, seed, i, tensor.count()));
    }
    return tensor;
  }
  std::string_view literal = text;
  DType dtype = run_dtype;
  const size_t colon = text.rfind(':');
  if (colon != std::string::npos) {
    const std::optional<DType> named = DTypeFromName(literal.substr(colon + 1));
    if (!named.has_value()) {
      return absl::InvalidArgumentError(absl::StrCat("unknown dtype in '", text, "'"));
    }
    dtype = *named;
    literal = literal.substr(0, colon);
  }
  if (given != nullptr) *given = colon != std::string::npos;
  LiteralReader reader(literal);
  RETURN_IF_ERROR(reader.Read());
  ASSIGN_OR_RETURN(Tensor tensor, Tensor::Zeros(dtype, reader.dims));
  if (tensor.count() != static_cast<int64_t>(reader.values.size())) {
    return absl::InvalidArgumentError(absl::StrCat("value '", text, "': rows of unequal length"));
  }
  for (size_t i = 0; i < reader.values.size(); ++i) {
    tensor.Put(static_cast<int64_t>(i), reader.values[i]);
  }
  return tensor;
}

// "f32[B,T,8]" with symbols.
inline absl::StatusOr<ValueType> CaseType(std::string_view text) {
  const size_t open = text.find('[');
  const std::optional<DType> dtype = DTypeFromName(text.substr(0, open));
  if (open == std::string_view::npos || !dtype.has_value()) {
    return absl::InvalidArgumentError(absl::StrCat("expected a type, got '", text, "'"));
  }
  ASSIGN_OR_RETURN(const Dims dims, ParseDims(text.substr(open)));
  return ValueType{*dtype, dims};
}

inline absl::StatusOr<AttrValue> CaseAttr(const AttrSpec& spec, const std::string& text) {
  if (spec.kind == AttrSpec::kText) return AttrValue(text);
  if (spec.kind == AttrSpec::kInts) {
    LiteralReader reader(text);
    RETURN_IF_ERROR(reader.Read());
    return AttrValue(std::vector<int64_t>(reader.values.begin(), reader.values.end()));
  }
  if (spec.kind == AttrSpec::kBool) return AttrValue(text == "true");
  ASSIGN_OR_RETURN(const double value, CaseNumber(text));
  if (spec.kind == AttrSpec::kInt) return AttrValue(static_cast<int64_t>(value));
  return AttrValue(value);
}

inline absl::StatusOr<std::string> ReadCaseFile(const std::string& path) {
  std::ifstream stream(path);
  if (!stream) return absl::NotFoundError(absl::StrCat("cannot read ", path));
  std::stringstream text;
  text << stream.rdbuf();
  return text.str();
}

}  // namespace tessera
