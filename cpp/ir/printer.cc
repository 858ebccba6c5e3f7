#include "cpp/ir/printer.h"

#include <functional>
#include <map>

#include "absl/strings/str_cat.h"

namespace tessera {

std::string_view Name(InputKind kind) {
  switch (kind) {
    case InputKind::kArgument:
      return "argument";
    case InputKind::kParam:
      return "param";
    case InputKind::kState:
      return "state";
    case InputKind::kAmbient:
      return "ambient";
    case InputKind::kKey:
      return "key";
  }
  return "?";
}

std::string_view Name(SlotKind kind) {
  static constexpr std::string_view kNames[] = {"input",  "param",    "weight", "state",
                                                "optimizer", "key",   "scalar", "gradient",
                                                "result", "temporary"};
  return kNames[static_cast<int>(kind)];
}

std::string_view Name(ActionKind kind) {
  static constexpr std::string_view kNames[] = {
      "prologue", "forward", "backward", "input_gradient", "weight_gradient",
      "collect",  "reduce",  "norm",     "commit",         "refresh"};
  return kNames[static_cast<int>(kind)];
}

namespace {

using Namer = std::function<std::string(const Function&)>;

std::string ValueList(const std::vector<ValueId>& ids) {
  std::string text;
  for (ValueId id : ids) absl::StrAppend(&text, text.empty() ? "" : ", ", "%", id);
  return text;
}

std::string_view ColorMark(NodeColor color) {
  switch (color) {
    case NodeColor::kForward:
      return "";
    case NodeColor::kInputGradient:
      return "  -- I";
    case NodeColor::kWeightGradient:
      return "  -- W";
  }
  return "";
}

std::string NodeText(const Function& function, const Node& node, const Namer& name) {
  std::string text = absl::StrCat("  ", ValueList(node.outputs), " = ");
  if (node.is_call()) {
    absl::StrAppend(&text, "call ", name(*node.callee), "(", ValueList(node.inputs), ") at \"",
                    node.at, "\"");
  } else {
    absl::StrAppend(&text, node.op->name(), "(", ValueList(node.inputs), ")");
    if (!node.attrs.empty()) absl::StrAppend(&text, " ", ToText(node.attrs));
  }
  absl::StrAppend(&text, " : ");
  for (size_t i = 0; i < node.outputs.size(); ++i) {
    absl::StrAppend(&text, i > 0 ? ", " : "", function.type(node.outputs[i]).ToText());
  }
  absl::StrAppend(&text, ColorMark(node.color), "\n");
  return text;
}

std::string OutputText(const FunctionOutput& output) {
  std::string text = absl::StrCat("%", output.value, " as ");
  switch (output.kind) {
    case OutputKind::kResult:
      break;
    case OutputKind::kState:
      absl::StrAppend(&text, "state ");
      break;
    case OutputKind::kLossNumerator:
      absl::StrAppend(&text, "loss ", ToText(AttrValue(output.weight)), " * ");
      break;
    case OutputKind::kLossDenominator:
      absl::StrAppend(&text, "loss denominator ");
      break;
    case OutputKind::kMetricNumerator:
      absl::StrAppend(&text, "metric ");
      break;
    case OutputKind::kMetricDenominator:
      absl::StrAppend(&text, "metric denominator ");
      break;
  }
  return absl::StrCat(text, output.name);
}

std::string FunctionText(const Function& function, const Namer& name) {
  std::string text = absl::StrCat("func ", name(function), "(\n");
  for (const FunctionInput& input : function.inputs()) {
    absl::StrAppend(&text, "    %", input.value, " ", Name(input.kind), " ", input.name, ": ",
                    function.type(input.value).ToText(), "\n");
  }
  absl::StrAppend(&text, ") {\n");
  for (const Node& node : function.nodes()) absl::StrAppend(&text, NodeText(function, node, name));
  for (const FunctionOutput& output : function.outputs()) {
    absl::StrAppend(&text, "  return ", OutputText(output), "\n");
  }
  absl::StrAppend(&text, "}\n");
  return text;
}

// Names functions apart: the first of a name keeps it, others get _2, _3 in order of appearance.
class UniqueNames {
 public:
  std::string operator()(const Function& function) {
    const auto it = names_.find(&function);
    if (it != names_.end()) return it->second;
    const int count = ++counts_[function.name()];
    std::string name = function.name();
    if (count > 1) absl::StrAppend(&name, "_", count);
    names_[&function] = name;
    return name;
  }
  bool Knows(const Function& function) const { return names_.contains(&function); }

 private:
  std::map<const Function*, std::string> names_;
  std::map<std::string, int> counts_;
};

void AppendWithCallees(const Function& function, UniqueNames& names, std::string& text) {
  if (names.Knows(function)) return;
  for (const Node& node : function.nodes()) {
    if (node.is_call()) AppendWithCallees(*node.callee, names, text);
  }
  names(function);
  absl::StrAppend(&text, text.empty() ? "" : "\n",
                  FunctionText(function, [&names](const Function& f) { return names(f); }));
}

}  // namespace

std::string ToText(const Function& function) {
  return FunctionText(function, [](const Function& f) { return f.name(); });
}

std::string ToTextWithCallees(const Function& function) {
  UniqueNames names;
  std::string text;
  AppendWithCallees(function, names, text);
  return text;
}

std::string ToText(const Program& program) {
  UniqueNames names;
  std::string text;
  for (const FunctionRef& function : program.functions) AppendWithCallees(*function, names, text);
  absl::StrAppend(&text, "\nparameters\n");
  for (const ProgramParam& param : program.params) {
    absl::StrAppend(&text, "  ", param.path, ": ", Name(param.dtype), ToText(param.dims),
                    param.trainable ? "" : " frozen", "\n");
  }
  absl::StrAppend(&text, "\nschedule\n");
  for (const Action& action : program.schedule) {
    absl::StrAppend(&text, "  ", Name(action.kind));
    if (action.call < 0) {
      absl::StrAppend(&text, "\n");
      continue;
    }
    const ProgramCall& call = program.calls[action.call];
    absl::StrAppend(&text, " micro_batch ", action.micro_batch, " ",
                    names(*program.functions[call.function]), " at \"", call.at, "\" (");
    for (size_t i = 0; i < call.inputs.size(); ++i) {
      absl::StrAppend(&text, i > 0 ? ", " : "", call.inputs[i]);
    }
    absl::StrAppend(&text, ") -> (");
    for (size_t i = 0; i < call.outputs.size(); ++i) {
      absl::StrAppend(&text, i > 0 ? ", " : "", call.outputs[i]);
    }
    absl::StrAppend(&text, ")\n");
  }
  return text;
}

}  // namespace tessera
