#include "cpp/ir/printer.h"

#include <algorithm>
#include <array>
#include <functional>
#include <map>
#include <set>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

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
      "collect",  "reduce",  "reduce_slot", "norm",        "commit",         "refresh",
      "send",     "receive"};
  return kNames[static_cast<int>(kind)];
}

namespace {

using Namer = std::function<std::string(const Function&)>;

// Words that mean something where a name may stand.
constexpr std::array<std::string_view, 8> kReserved = {
    "state", "loss", "metric", "denominator", "call", "statistic", "contribution", "buffer"};

// Plain words stand as they are; the parser takes the same characters for one.
std::string NameText(std::string_view name) {
  const auto is_plain = [](char c) {
    return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '_' || c == '/' || c == '.';
  };
  const bool reserved = std::find(kReserved.begin(), kReserved.end(), name) != kReserved.end();
  if (!name.empty() && !reserved && std::all_of(name.begin(), name.end(), is_plain)) {
    return std::string(name);
  }
  return absl::StrCat("\"", absl::CEscape(name), "\"");
}

std::string NumberText(double value) { return ToText(AttrValue(value)); }

// " = normal(0.0, 0.02) dims(embed, mlp) no_decay"; "" when all is as for no parameter.
std::string ParamText(const FunctionInput& input) {
  const ParamSpec& spec = input.param;
  if (input.kind != InputKind::kParam && spec == ParamSpec()) return "";
  std::string text = absl::StrCat(" = ", NameText(spec.init.kind), "(", NumberText(spec.init.mean),
                                  ", ", NumberText(spec.init.stddev), ")");
  if (!spec.logical_dims.empty()) {
    const auto append = [](std::string* out, const std::string& name) {
      absl::StrAppend(out, NameText(name));
    };
    absl::StrAppend(&text, " dims(", absl::StrJoin(spec.logical_dims, ", ", append), ")");
  }
  if (!spec.decay) absl::StrAppend(&text, " no_decay");
  if (spec.is_buffer) absl::StrAppend(&text, " buffer");
  return text;
}

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
    absl::StrAppend(&text, "call ", NameText(name(*node.callee)), "(", ValueList(node.inputs),
                    ") at \"", absl::CEscape(node.at), "\"");
  } else {
    absl::StrAppend(&text, NameText(node.op->name()), "(", ValueList(node.inputs), ")");
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
      absl::StrAppend(&text, "loss ", NumberText(output.weight), " * ");
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
    case OutputKind::kStatistic:
      absl::StrAppend(&text, "statistic ");
      break;
    case OutputKind::kContribution:
      absl::StrAppend(&text, "contribution ");
      break;
    case OutputKind::kBuffer:
      absl::StrAppend(&text, "buffer ");
      break;
  }
  return absl::StrCat(text, NameText(output.name));
}

std::string FunctionText(const Function& function, const Namer& name) {
  std::string text = absl::StrCat("func ", NameText(name(function)), "(\n");
  for (const FunctionInput& input : function.inputs()) {
    absl::StrAppend(&text, "    %", input.value, " ", Name(input.kind), " ", NameText(input.name),
                    ": ", function.type(input.value).ToText(), ParamText(input), "\n");
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
    int& count = counts_[function.name()];
    std::string name;
    do {
      ++count;
      name = count > 1 ? absl::StrCat(function.name(), "_", count) : function.name();
    } while (!taken_.insert(name).second);
    names_[&function] = name;
    return name;
  }
  bool Knows(const Function& function) const { return names_.contains(&function); }

 private:
  std::map<const Function*, std::string> names_;
  std::map<std::string, int> counts_;
  std::set<std::string> taken_;
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

std::string ToText(const Function& function, const Namer& name) {
  return FunctionText(function, name);
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
      if (action.slot >= 0) {
        absl::StrAppend(&text, " micro_batch ", action.micro_batch, " (", action.slot, ")");
        if (action.peer >= 0) {
          absl::StrAppend(&text, action.kind == ActionKind::kSend ? " to " : " from ",
                          action.peer, " tag ", action.tag);
        }
      }
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
