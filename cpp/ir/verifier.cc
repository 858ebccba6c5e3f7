#include "cpp/ir/verifier.h"

#include <set>

#include "absl/strings/str_cat.h"
#include "cpp/base/status_macros.h"
#include "cpp/ir/printer.h"

namespace tessera {
namespace {

absl::Status Broken(const Function& function, std::string text) {
  return absl::InternalError(absl::StrCat("function '", function.name(), "': ", text));
}

absl::Status VerifyNames(const Function& function) {
  std::set<std::pair<InputKind, std::string>> inputs;
  for (const FunctionInput& input : function.inputs()) {
    if (!inputs.insert({input.kind, input.name}).second) {
      return Broken(function, absl::StrCat("two inputs of kind ", Name(input.kind), " are named '",
                                           input.name, "'"));
    }
  }
  return absl::OkStatus();
}

absl::Status VerifyTypes(const Function& function, const Node& node) {
  std::vector<ValueType> operands;
  for (ValueId id : node.inputs) operands.push_back(function.type(id));
  std::vector<ValueType> expected;
  if (node.is_call()) {
    if (node.inputs.size() != node.callee->inputs().size() ||
        node.outputs.size() != node.callee->outputs().size()) {
      return Broken(function, absl::StrCat("call of '", node.callee->name(),
                                           "' has other inputs or outputs than it declares"));
    }
    for (size_t i = 0; i < operands.size(); ++i) {
      const ValueType& formal = node.callee->type(node.callee->inputs()[i].value);
      if (operands[i] != formal) {
        return Broken(function, absl::StrCat("call of '", node.callee->name(), "': input ", i,
                                             " is ", operands[i].ToText(), ", expected ",
                                             formal.ToText()));
      }
    }
    for (const FunctionOutput& output : node.callee->outputs()) {
      expected.push_back(node.callee->type(output.value));
    }
  } else {
    ASSIGN_OR_RETURN(expected, node.op->Infer({operands, node.attrs}));
  }
  for (size_t i = 0; i < node.outputs.size(); ++i) {
    if (i >= expected.size() || function.type(node.outputs[i]) != expected[i]) {
      return Broken(function, absl::StrCat("%", node.outputs[i], " is ",
                                           function.type(node.outputs[i]).ToText(),
                                           ", which its op does not infer"));
    }
  }
  return absl::OkStatus();
}

// A value whose memory an op takes over must have no later reader.
absl::Status VerifyAliases(const Function& function) {
  std::vector<int> last_use(function.values().size(), -1);
  for (size_t i = 0; i < function.nodes().size(); ++i) {
    for (ValueId id : function.nodes()[i].inputs) last_use[id] = static_cast<int>(i);
  }
  for (size_t i = 0; i < function.nodes().size(); ++i) {
    const Node& node = function.nodes()[i];
    if (node.is_call() || !node.op->must_alias()) continue;
    for (const auto& [output, input] : node.op->in_place()) {
      const ValueId taken = node.inputs[input];
      if (last_use[taken] > static_cast<int>(i)) {
        return Broken(function, absl::StrCat("%", taken, " is read after '", node.op->name(),
                                             "' has overwritten it"));
      }
    }
  }
  return absl::OkStatus();
}

bool IsGiven(SlotKind kind) {
  return kind != SlotKind::kTemporary && kind != SlotKind::kResult && kind != SlotKind::kGradient;
}

absl::Status VerifyCall(const Program& program, const ProgramCall& call) {
  RET_CHECK(call.function >= 0 &&
            static_cast<size_t>(call.function) < program.functions.size());
  const Function& function = *program.functions[call.function];
  RET_CHECK_EQ(call.inputs.size(), function.inputs().size());
  RET_CHECK_EQ(call.outputs.size(), function.outputs().size());
  auto check = [&](int slot, ValueId value) -> absl::Status {
    RET_CHECK(slot >= 0 && static_cast<size_t>(slot) < program.slots.size());
    if (program.slots[slot].type != function.type(value)) {
      return Broken(function, absl::StrCat("at ", call.at, ": slot '", program.slots[slot].name,
                                           "' is ", program.slots[slot].type.ToText(),
                                           ", the function has ",
                                           function.type(value).ToText()));
    }
    return absl::OkStatus();
  };
  for (size_t i = 0; i < call.inputs.size(); ++i) {
    RETURN_IF_ERROR(check(call.inputs[i], function.inputs()[i].value));
  }
  for (size_t i = 0; i < call.outputs.size(); ++i) {
    if (call.outputs[i] < 0) continue;
    RETURN_IF_ERROR(check(call.outputs[i], function.outputs()[i].value));
  }
  return absl::OkStatus();
}

absl::Status VerifyTransfer(const Program& program, const Action& action,
                            std::set<std::pair<int, int>>& written) {
  RET_CHECK(action.slot >= 0 && static_cast<size_t>(action.slot) < program.slots.size());
  RET_CHECK(action.peer >= 0);
  const Slot& slot = program.slots[action.slot];
  const std::pair<int, int> instance = {action.slot,
                                        slot.per_micro_batch ? action.micro_batch : 0};
  if (action.kind == ActionKind::kReceive) {
    written.insert(instance);
  } else if (!written.contains(instance)) {
    return absl::InternalError(absl::StrCat("schedule: sends '", slot.name,
                                            "' before anything has written it"));
  }
  return absl::OkStatus();
}

absl::Status VerifySchedule(const Program& program) {
  std::set<std::pair<int, int>> written;
  for (const Action& action : program.schedule) {
    if (action.kind == ActionKind::kSend || action.kind == ActionKind::kReceive) {
      RETURN_IF_ERROR(VerifyTransfer(program, action, written));
    }
    if (action.call < 0) continue;
    RET_CHECK(static_cast<size_t>(action.call) < program.calls.size());
    const ProgramCall& call = program.calls[action.call];
    for (int slot : call.inputs) {
      const Slot& info = program.slots[slot];
      const int instance = info.per_micro_batch ? action.micro_batch : 0;
      if (!IsGiven(info.kind) && !written.contains({slot, instance})) {
        return absl::InternalError(absl::StrCat("schedule: ", Name(action.kind), " at ", call.at,
                                                " reads '", info.name,
                                                "' before anything has written it"));
      }
    }
    for (int slot : call.outputs) {
      if (slot < 0) continue;
      const Slot& info = program.slots[slot];
      if ((info.kind == SlotKind::kParam || info.kind == SlotKind::kOptimizer) &&
          action.kind != ActionKind::kCommit) {
        return absl::InternalError(absl::StrCat("schedule: ", Name(action.kind), " at ", call.at,
                                                " writes ", Name(info.kind), " '", info.name,
                                                "' outside the commit"));
      }
      written.insert({slot, info.per_micro_batch ? action.micro_batch : 0});
    }
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status Verify(const Function& function) {
  RETURN_IF_ERROR(VerifyNames(function));
  std::vector<bool> defined(function.values().size(), false);
  for (const FunctionInput& input : function.inputs()) {
    RET_CHECK(input.value >= 0 && static_cast<size_t>(input.value) < defined.size());
    if (defined[input.value]) return Broken(function, absl::StrCat("%", input.value, " twice"));
    defined[input.value] = true;
  }
  for (const Node& node : function.nodes()) {
    for (ValueId id : node.inputs) {
      if (id < 0 || static_cast<size_t>(id) >= defined.size() || !defined[id]) {
        return Broken(function, absl::StrCat("%", id, " is used before it is defined"));
      }
    }
    RETURN_IF_ERROR(VerifyTypes(function, node));
    for (ValueId id : node.outputs) {
      if (id < 0 || static_cast<size_t>(id) >= defined.size() || defined[id]) {
        return Broken(function, absl::StrCat("%", id, " is defined twice or out of range"));
      }
      defined[id] = true;
    }
  }
  for (const FunctionOutput& output : function.outputs()) {
    if (output.value < 0 || static_cast<size_t>(output.value) >= defined.size() ||
        !defined[output.value]) {
      return Broken(function, absl::StrCat("output '", output.name, "' has no value"));
    }
  }
  return VerifyAliases(function);
}

absl::Status Verify(const Program& program) {
  std::set<const Function*> seen;
  for (const FunctionRef& function : program.functions) {
    if (seen.insert(function.get()).second) RETURN_IF_ERROR(Verify(*function));
  }
  for (const ProgramCall& call : program.calls) RETURN_IF_ERROR(VerifyCall(program, call));
  return VerifySchedule(program);
}

}  // namespace tessera
