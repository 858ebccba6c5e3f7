#include "cpp/tensor/fused_program.h"

#include <algorithm>
#include <string_view>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "cpp/base/status_macros.h"

namespace tessera {
namespace {

std::string ColumnsText(int64_t columns) {
  return columns == 0 ? "[]" : absl::StrCat("[", columns, "]");
}

absl::Status Wrong(std::string_view what, std::string_view expected, std::string_view got) {
  return absl::InvalidArgumentError(
      absl::StrCat("fused: ", what, ": expected ", expected, ", got '", got, "'"));
}

// "[]" or "[512]".
absl::StatusOr<int64_t> ParseColumns(std::string_view text) {
  const std::string_view whole = text;
  int64_t columns = 0;
  if (!absl::ConsumePrefix(&text, "[") || !absl::ConsumeSuffix(&text, "]") ||
      (!text.empty() && (!absl::SimpleAtoi(text, &columns) || columns < 1 ||
                         columns > FusedProgram::kMostColumns))) {
    return Wrong("columns",
                 absl::StrCat("[] or [n], n from 1 to ", FusedProgram::kMostColumns), whole);
  }
  return columns;
}

absl::StatusOr<FusedProgram::Operand> ParseOperand(std::string_view text) {
  FusedProgram::Operand operand;
  operand.whole = absl::ConsumePrefix(&text, "whole");
  ASSIGN_OR_RETURN(operand.columns, ParseColumns(text));
  return operand;
}

absl::StatusOr<FusedProgram::Result> ParseResult(std::string_view text) {
  const size_t bracket = std::min(text.find('['), text.size());
  FusedProgram::Result result;
  const auto dtype = DTypeFromName(text.substr(0, bracket));
  if (!dtype.has_value()) return Wrong("a result", "a dtype and [columns]", text);
  result.dtype = *dtype;
  ASSIGN_OR_RETURN(result.columns, ParseColumns(text.substr(bracket)));
  return result;
}

// "bf16[512],bf16[512]: glu_grad 0 1 2", where values below `known` exist.
absl::StatusOr<FusedProgram::Step> ParseStep(std::string_view text, int known) {
  const std::pair<std::string_view, std::string_view> parts =
      absl::StrSplit(text, absl::MaxSplits(':', 1));
  FusedProgram::Step step;
  for (std::string_view result : absl::StrSplit(parts.first, ',')) {
    ASSIGN_OR_RETURN(step.results.emplace_back(), ParseResult(absl::StripAsciiWhitespace(result)));
  }
  const std::vector<std::string_view> words =
      absl::StrSplit(parts.second, ' ', absl::SkipEmpty());
  if (words.size() < 2 || static_cast<int>(words.size()) > FusedProgram::kMostOperands) {
    return Wrong("a step", "results: op and numbers of values", text);
  }
  step.op = std::string(words[0]);
  for (size_t i = 1; i < words.size(); ++i) {
    int value = -1;
    if (!absl::SimpleAtoi(words[i], &value) || value < 0 || value >= known) {
      return Wrong(absl::StrCat("step '", step.op, "'"),
                   absl::StrCat("values below ", known), words[i]);
    }
    step.inputs.push_back(value);
  }
  return step;
}

std::string StepText(const FusedProgram::Step& step) {
  return absl::StrCat(absl::StrJoin(step.results, ",",
                                    [](std::string* out, const FusedProgram::Result& result) {
                                      absl::StrAppend(out, Name(result.dtype),
                                                      ColumnsText(result.columns));
                                    }),
                      ": ", step.op, " ", absl::StrJoin(step.inputs, " "));
}

std::string AttrPrefix(size_t step) { return absl::StrCat("s", step, "_"); }

// Hands attributes named s2_tanh to step 2.
absl::Status ReadStepAttrs(const Attrs& attrs, FusedProgram& program) {
  for (const auto& [name, value] : attrs.entries()) {
    if (name == "operands" || name == "steps" || name == "outputs") continue;
    size_t step = 0;
    const size_t bar = name.find('_');
    if (name[0] != 's' || bar == std::string::npos ||
        !absl::SimpleAtoi(std::string_view(name).substr(1, bar - 1), &step) ||
        step >= program.steps.size() || name != AttrPrefix(step) + name.substr(bar + 1)) {
      return Wrong("an attribute", "operands, steps, outputs or s0_name of a step", name);
    }
    program.steps[step].attrs.Set(name.substr(bar + 1), value);
  }
  return absl::OkStatus();
}

}  // namespace

const FusedProgram::Result& FusedProgram::result(int value) const {
  size_t index = static_cast<size_t>(value) - operands.size();
  for (const Step& step : steps) {
    if (index < step.results.size()) return step.results[index];
    index -= step.results.size();
  }
  return steps.back().results.back();
}

Attrs FusedProgram::ToAttrs() const {
  Attrs attrs;
  attrs.Set("operands", absl::StrJoin(operands, " ", [](std::string* out, const Operand& operand) {
              absl::StrAppend(out, operand.whole ? "whole" : "", ColumnsText(operand.columns));
            }));
  attrs.Set("steps", absl::StrJoin(steps, "; ", [](std::string* out, const Step& step) {
              absl::StrAppend(out, StepText(step));
            }));
  attrs.Set("outputs", IntList(outputs.begin(), outputs.end()));
  for (size_t s = 0; s < steps.size(); ++s) {
    for (const auto& [name, value] : steps[s].attrs.entries()) {
      attrs.Set(AttrPrefix(s) + name, value);
    }
  }
  return attrs;
}

absl::StatusOr<FusedProgram> FusedProgram::FromAttrs(const Attrs& attrs) {
  FusedProgram program;
  const std::string operands = attrs.Text("operands"), steps = attrs.Text("steps");
  for (std::string_view text : absl::StrSplit(operands, ' ', absl::SkipEmpty())) {
    ASSIGN_OR_RETURN(program.operands.emplace_back(), ParseOperand(text));
    if (program.operands.size() > kMostOperands) break;
  }
  if (program.operands.empty() || program.operands.size() > kMostOperands ||
      program.operands[0].whole) {
    return Wrong("operands", absl::StrCat("1 to ", kMostOperands, ", the first one tiled"),
                 operands.substr(0, 80));
  }
  int known = static_cast<int>(program.operands.size());
  for (std::string_view text : absl::StrSplit(steps, ';', absl::SkipEmpty())) {
    ASSIGN_OR_RETURN(program.steps.emplace_back(), ParseStep(text, known));
    known += static_cast<int>(program.steps.back().results.size());
    if (program.steps.size() > kMostSteps) break;
  }
  if (program.steps.empty() || program.steps.size() > kMostSteps) {
    return Wrong("steps", absl::StrCat("1 to ", kMostSteps), steps.substr(0, 80));
  }
  for (int64_t output : attrs.Ints("outputs")) {
    const bool again = std::count(program.outputs.begin(), program.outputs.end(), output) != 0;
    if (output < static_cast<int64_t>(program.operands.size()) || output >= known || again) {
      return Wrong("outputs", "results of steps, each once", absl::StrCat(output));
    }
    program.outputs.push_back(static_cast<int>(output));
  }
  if (program.outputs.empty()) return Wrong("outputs", "one or more", "");
  RETURN_IF_ERROR(ReadStepAttrs(attrs, program));
  return program;
}

}  // namespace tessera
