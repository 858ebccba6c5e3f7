#include "cpp/ir/text_parser.h"

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "cpp/base/status_macros.h"
#include "cpp/ir/internal/stored_limits.h"
#include "cpp/ir/internal/text_scanner.h"
#include "cpp/ir/printer.h"
#include "cpp/ir/serializer.h"
#include "cpp/ir/verifier.h"

namespace tessera {
namespace {

constexpr InputKind kInputKinds[] = {InputKind::kArgument, InputKind::kParam, InputKind::kState,
                                     InputKind::kAmbient, InputKind::kKey};

// An input as it stands in the head; it is added when its number is due.
struct PlannedInput {
  int line = 0;
  int64_t id = 0;
  InputKind kind = InputKind::kArgument;
  std::string name;
  ValueType type;
  ParamSpec param;
};

class Parser {
 public:
  Parser(std::string_view text, const OpTable& ops) : scanner_(text), ops_(ops) {}

  absl::StatusOr<std::vector<FunctionRef>> ParseAll() {
    while (!scanner_.AtEnd()) RETURN_IF_ERROR(ParseFunction());
    return std::move(functions_);
  }

 private:
  absl::Status ParseFunction() {
    RETURN_IF_ERROR(scanner_.Expect("func"));
    const int line = scanner_.line();
    ASSIGN_OR_RETURN(std::string name, scanner_.NameOrText("a function's name"));
    if (indices_.contains(name)) {
      return scanner_.AtLine(absl::InvalidArgumentError(absl::StrCat(
                                 "expected another name for a function, '", name,
                                 "' stands above")),
                             line);
    }
    RETURN_IF_ERROR(scanner_.Expect("("));
    function_ = std::make_shared<Function>(name);
    callees_.clear();
    inputs_.clear();
    next_input_ = 0;
    while (!scanner_.Eat(")")) RETURN_IF_ERROR(ParseInput());
    RETURN_IF_ERROR(scanner_.Expect("{"));
    AddDueInputs();
    while (scanner_.PeekIs('%') || scanner_.PeekIs('=')) {
      RETURN_IF_ERROR(ParseNode());
      AddDueInputs();
    }
    if (next_input_ < inputs_.size()) {
      const PlannedInput& input = inputs_[next_input_];
      return scanner_.AtLine(
          absl::InvalidArgumentError(absl::StrCat("input '", input.name, "': expected %",
                                                  function_->values().size(), ", got %",
                                                  input.id)),
          input.line);
    }
    while (scanner_.Eat("return")) RETURN_IF_ERROR(ParseOutput());
    RETURN_IF_ERROR(scanner_.Expect("}"));
    return scanner_.AtLine(Finish(std::move(name)), line);
  }

  absl::Status Finish(std::string name) {
    RETURN_IF_ERROR(budget_.AddFunction(name, function_->nodes().size(), callees_));
    RETURN_IF_ERROR(CheckStoredNumbers(*function_));
    const absl::Status verified = Verify(*function_);
    if (!verified.ok()) return absl::InvalidArgumentError(verified.message());
    indices_.emplace(std::move(name), functions_.size());
    functions_.push_back(std::move(function_));
    return absl::OkStatus();
  }

  absl::StatusOr<ValueId> ParseValue() {
    RETURN_IF_ERROR(scanner_.Expect("%"));
    ASSIGN_OR_RETURN(const int64_t id, scanner_.Integer());
    if (id < 0 || static_cast<size_t>(id) >= function_->values().size()) {
      return scanner_.Error(absl::StrCat("a value defined above, not %", id));
    }
    return static_cast<ValueId>(id);
  }

  absl::StatusOr<ValueType> ParseType() {
    const std::string_view word = scanner_.Word();
    const std::optional<DType> dtype = DTypeFromName(word);
    if (!dtype.has_value() || Name(*dtype) != word) {
      return scanner_.Error(absl::StrCat("a type such as f32[B,8], not '", word.substr(0, 40),
                                         "'"));
    }
    RETURN_IF_ERROR(scanner_.Expect("["));
    const int line = scanner_.line();
    ASSIGN_OR_RETURN(std::string_view dims, scanner_.Through(']'));
    dims.remove_suffix(1);
    if (dims.size() > (kMaxDimText + 1) * kMaxStoredRank) return scanner_.Error("shorter dims");
    absl::StatusOr<Dims> parsed = ParseDims(dims);
    if (!parsed.ok()) return scanner_.AtLine(parsed.status(), line);
    ValueType type = {*dtype, *std::move(parsed)};
    RETURN_IF_ERROR(scanner_.AtLine(CheckStoredType(type), line));
    RETURN_IF_ERROR(budget_.Spend(function_->name(), TypeWork(type)));
    return type;
  }

  absl::Status ParseInput() {
    PlannedInput input;
    RETURN_IF_ERROR(scanner_.Expect("%"));
    input.line = scanner_.line();
    ASSIGN_OR_RETURN(input.id, scanner_.Integer());
    bool known = false;
    for (const InputKind kind : kInputKinds) {
      if (known || !scanner_.Eat(Name(kind))) continue;
      known = true;
      input.kind = kind;
    }
    if (!known) return scanner_.Error("argument, param, state, ambient or key");
    ASSIGN_OR_RETURN(input.name, scanner_.NameOrText("an input's name"));
    RETURN_IF_ERROR(scanner_.Expect(":"));
    ASSIGN_OR_RETURN(input.type, ParseType());
    if (scanner_.Eat("=")) RETURN_IF_ERROR(ParseParam(input.param));
    inputs_.push_back(std::move(input));
    return absl::OkStatus();
  }

  absl::Status ParseParam(ParamSpec& param) {
    ASSIGN_OR_RETURN(param.init.kind, scanner_.NameOrText("the name of an initialiser"));
    RETURN_IF_ERROR(scanner_.Expect("("));
    ASSIGN_OR_RETURN(param.init.mean, scanner_.Number());
    RETURN_IF_ERROR(scanner_.Expect(","));
    ASSIGN_OR_RETURN(param.init.stddev, scanner_.Number());
    RETURN_IF_ERROR(scanner_.Expect(")"));
    if (scanner_.Eat("dims")) {
      RETURN_IF_ERROR(scanner_.Expect("("));
      do {
        ASSIGN_OR_RETURN(param.logical_dims.emplace_back(),
                         scanner_.NameOrText("the name of a logical dim"));
      } while (scanner_.Eat(","));
      RETURN_IF_ERROR(scanner_.Expect(")"));
    }
    if (scanner_.Eat("no_decay")) param.decay = false;
    if (scanner_.Eat("buffer")) param.is_buffer = true;
    return absl::OkStatus();
  }

  void AddDueInputs() {
    while (next_input_ < inputs_.size() &&
           inputs_[next_input_].id == static_cast<int64_t>(function_->values().size())) {
      PlannedInput& input = inputs_[next_input_++];
      function_->AddInput(std::move(input.name), input.kind, std::move(input.type),
                          std::move(input.param));
    }
  }

  absl::StatusOr<std::vector<ValueId>> ParseOperands() {
    std::vector<ValueId> operands;
    RETURN_IF_ERROR(scanner_.Expect("("));
    if (scanner_.Eat(")")) return operands;
    do {
      ASSIGN_OR_RETURN(operands.emplace_back(), ParseValue());
    } while (scanner_.Eat(","));
    RETURN_IF_ERROR(scanner_.Expect(")"));
    return operands;
  }

  absl::StatusOr<AttrValue> ParseAttrValue() {
    if (scanner_.PeekIs('"')) {
      ASSIGN_OR_RETURN(std::string text, scanner_.QuotedText());
      return AttrValue(std::move(text));
    }
    if (scanner_.Eat("[")) {
      std::vector<int64_t> ints;
      if (scanner_.Eat("]")) return AttrValue(std::move(ints));
      do {
        ASSIGN_OR_RETURN(ints.emplace_back(), scanner_.Integer());
      } while (scanner_.Eat(","));
      RETURN_IF_ERROR(scanner_.Expect("]"));
      return AttrValue(std::move(ints));
    }
    if (scanner_.Eat("true")) return AttrValue(true);
    if (scanner_.Eat("false")) return AttrValue(false);
    const std::string_view word = scanner_.NumberWord();
    int64_t integer = 0;
    double number = 0;
    if (absl::SimpleAtoi(word, &integer)) return AttrValue(integer);
    if (absl::SimpleAtod(word, &number)) return AttrValue(number);
    return scanner_.Error(absl::StrCat("the value of an attribute, not '", word.substr(0, 40),
                                       "'"));
  }

  absl::StatusOr<Attrs> ParseAttrs() {
    Attrs attrs;
    if (!scanner_.Eat("{")) return attrs;
    do {
      ASSIGN_OR_RETURN(const std::string name, scanner_.NameOrText("an attribute's name"));
      if (attrs.Find(name) != nullptr) {
        return scanner_.Error(absl::StrCat("attribute '", name, "' once"));
      }
      RETURN_IF_ERROR(scanner_.Expect(":"));
      ASSIGN_OR_RETURN(AttrValue value, ParseAttrValue());
      attrs.Set(name, std::move(value));
    } while (scanner_.Eat(","));
    RETURN_IF_ERROR(scanner_.Expect("}"));
    return attrs;
  }

  // The op or callee with its operands: adds the node.
  absl::StatusOr<std::vector<ValueId>> ParseUse() {
    const int line = scanner_.line();
    absl::StatusOr<std::vector<ValueId>> results;
    if (scanner_.Eat("call")) {
      ASSIGN_OR_RETURN(const std::string name, scanner_.NameOrText("a function's name"));
      const auto it = indices_.find(name);
      if (it == indices_.end()) return scanner_.Error(absl::StrCat("'", name, "' above"));
      ASSIGN_OR_RETURN(std::vector<ValueId> operands, ParseOperands());
      RETURN_IF_ERROR(scanner_.Expect("at"));
      ASSIGN_OR_RETURN(std::string at, scanner_.QuotedText());
      callees_.push_back(it->second);
      results = function_->AddCall(functions_[it->second], std::move(at), std::move(operands));
    } else {
      ASSIGN_OR_RETURN(const std::string name, scanner_.NameOrText("an op or 'call'"));
      const absl::StatusOr<const OpDef*> op = ops_.Get(name);
      if (!op.ok()) return scanner_.AtLine(op.status(), line);
      ASSIGN_OR_RETURN(std::vector<ValueId> operands, ParseOperands());
      ASSIGN_OR_RETURN(Attrs attrs, ParseAttrs());
      results = function_->AddNode(**op, std::move(attrs), std::move(operands));
    }
    if (results.ok()) return results;
    return scanner_.AtLine(absl::InvalidArgumentError(results.status().message()), line);
  }

  absl::Status ParseNode() {
    const int line = scanner_.line();
    std::vector<int64_t> ids;
    while (scanner_.Eat("%")) {
      ASSIGN_OR_RETURN(ids.emplace_back(), scanner_.Integer());
      if (!scanner_.Eat(",")) break;
    }
    RETURN_IF_ERROR(scanner_.Expect("="));
    ASSIGN_OR_RETURN(const std::vector<ValueId> results, ParseUse());
    if (std::vector<int64_t>(results.begin(), results.end()) != ids) {
      std::string expected;
      for (ValueId id : results) absl::StrAppend(&expected, expected.empty() ? "%" : ", %", id);
      return scanner_.AtLine(absl::InvalidArgumentError(absl::StrCat(
                                 "expected results numbered ", expected)),
                             line);
    }
    RETURN_IF_ERROR(scanner_.Expect(":"));
    for (size_t i = 0; i < results.size(); ++i) {
      if (i > 0) RETURN_IF_ERROR(scanner_.Expect(","));
      ASSIGN_OR_RETURN(const ValueType type, ParseType());
      if (type == function_->type(results[i])) continue;
      return scanner_.AtLine(
          absl::InvalidArgumentError(
              absl::StrCat("%", results[i], ": expected ",
                           function_->type(results[i]).ToText(), ", got ", type.ToText())),
          line);
    }
    if (!scanner_.Eat("--")) return absl::OkStatus();
    const bool input_gradient = scanner_.Eat("I");
    if (!input_gradient && !scanner_.Eat("W")) return scanner_.Error("I or W");
    function_->SetColor(function_->nodes().size() - 1, input_gradient
                                                           ? NodeColor::kInputGradient
                                                           : NodeColor::kWeightGradient);
    return absl::OkStatus();
  }

  absl::Status ParseOutput() {
    ASSIGN_OR_RETURN(const ValueId value, ParseValue());
    RETURN_IF_ERROR(scanner_.Expect("as"));
    OutputKind kind = OutputKind::kResult;
    double weight = 1;
    if (scanner_.Eat("state")) {
      kind = OutputKind::kState;
    } else if (scanner_.Eat("loss")) {
      kind = OutputKind::kLossDenominator;
      if (!scanner_.Eat("denominator")) {
        kind = OutputKind::kLossNumerator;
        ASSIGN_OR_RETURN(weight, scanner_.Number());
        RETURN_IF_ERROR(scanner_.Expect("*"));
      }
    } else if (scanner_.Eat("metric")) {
      kind = scanner_.Eat("denominator") ? OutputKind::kMetricDenominator
                                         : OutputKind::kMetricNumerator;
    } else if (scanner_.Eat("statistic")) {
      kind = OutputKind::kStatistic;
    } else if (scanner_.Eat("contribution")) {
      kind = OutputKind::kContribution;
    } else if (scanner_.Eat("buffer")) {
      kind = OutputKind::kBuffer;
    }
    ASSIGN_OR_RETURN(std::string name, scanner_.NameOrText("an output's name"));
    function_->AddOutput(std::move(name), value, kind, weight);
    return absl::OkStatus();
  }

  TextScanner scanner_;
  const OpTable& ops_;
  StoredBudget budget_;
  std::vector<FunctionRef> functions_;
  std::map<std::string, size_t, std::less<>> indices_;
  // Of the function that is being read.
  std::shared_ptr<Function> function_;
  std::vector<size_t> callees_;
  std::vector<PlannedInput> inputs_;
  size_t next_input_ = 0;
};

}  // namespace

absl::StatusOr<std::vector<FunctionRef>> ParseFunctionsText(std::string_view text,
                                                            const OpTable& ops) {
  return Parser(text, ops).ParseAll();
}

absl::StatusOr<FunctionRef> ParseFunctionText(std::string_view text, const OpTable& ops) {
  ASSIGN_OR_RETURN(std::vector<FunctionRef> functions, ParseFunctionsText(text, ops));
  if (functions.empty()) {
    return absl::InvalidArgumentError("line 1: expected 'func', got the end");
  }
  return functions.back();
}

}  // namespace tessera
