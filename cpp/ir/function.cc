#include "cpp/ir/function.h"

#include "absl/strings/str_cat.h"
#include "cpp/base/hash.h"
#include "cpp/base/status_macros.h"

namespace tessera {

int Function::FindInput(std::string_view name, InputKind kind) const {
  for (size_t i = 0; i < inputs_.size(); ++i) {
    if (inputs_[i].kind == kind && inputs_[i].name == name) return static_cast<int>(i);
  }
  return -1;
}

int Function::FindOutput(std::string_view name) const {
  for (size_t i = 0; i < outputs_.size(); ++i) {
    if (outputs_[i].name == name) return static_cast<int>(i);
  }
  return -1;
}

ValueId Function::AddInput(std::string name, InputKind kind, ValueType type, ParamSpec param) {
  const ValueId id = static_cast<ValueId>(values_.size());
  values_.push_back({std::move(type), -1, static_cast<int32_t>(inputs_.size())});
  inputs_.push_back({std::move(name), kind, id, std::move(param)});
  return id;
}

absl::StatusOr<std::vector<ValueId>> Function::AddNode(const OpDef& op, Attrs attrs,
                                                       std::vector<ValueId> inputs) {
  std::vector<ValueType> types;
  types.reserve(inputs.size());
  for (ValueId id : inputs) {
    if (id < 0 || static_cast<size_t>(id) >= values_.size()) {
      return absl::InvalidArgumentError(
          absl::StrCat(op.name(), ": operand is not a value of function '", name_, "'"));
    }
    types.push_back(values_[id].type);
  }
  ASSIGN_OR_RETURN(Attrs complete, op.CompleteAttrs(attrs));
  ASSIGN_OR_RETURN(std::vector<ValueType> outputs, op.Infer({types, complete}));
  Node node;
  node.op = &op;
  node.attrs = std::move(complete);
  node.inputs = std::move(inputs);
  for (size_t i = 0; i < outputs.size(); ++i) {
    node.outputs.push_back(static_cast<ValueId>(values_.size()));
    values_.push_back({std::move(outputs[i]), static_cast<int32_t>(nodes_.size()),
                       static_cast<int32_t>(i)});
  }
  nodes_.push_back(std::move(node));
  return nodes_.back().outputs;
}

absl::StatusOr<std::vector<ValueId>> Function::AddCall(FunctionRef callee, std::string at,
                                                       std::vector<ValueId> inputs) {
  if (inputs.size() != callee->inputs().size()) {
    return absl::InvalidArgumentError(absl::StrCat("call ", callee->name(), ": expected ",
                                                   callee->inputs().size(), " inputs, got ",
                                                   inputs.size()));
  }
  for (size_t i = 0; i < inputs.size(); ++i) {
    const FunctionInput& formal = callee->inputs()[i];
    if (inputs[i] < 0 || static_cast<size_t>(inputs[i]) >= values_.size()) {
      return absl::InvalidArgumentError(absl::StrCat("call ", callee->name(), ": input '",
                                                     formal.name,
                                                     "' is not a value of function '", name_, "'"));
    }
    const ValueType& actual = values_[inputs[i]].type;
    if (actual != callee->type(formal.value)) {
      return absl::InvalidArgumentError(
          absl::StrCat("call ", callee->name(), " at ", at, ": input '", formal.name, "' expected ",
                       callee->type(formal.value).ToText(), ", got ", actual.ToText()));
    }
  }
  Node node;
  node.callee = std::move(callee);
  node.at = std::move(at);
  node.inputs = std::move(inputs);
  const Function& target = *node.callee;
  for (size_t i = 0; i < target.outputs().size(); ++i) {
    node.outputs.push_back(static_cast<ValueId>(values_.size()));
    values_.push_back({target.type(target.outputs()[i].value),
                       static_cast<int32_t>(nodes_.size()), static_cast<int32_t>(i)});
  }
  nodes_.push_back(std::move(node));
  return nodes_.back().outputs;
}

uint64_t Function::Hash() const {
  uint64_t hash = HashBytes("function", 0);
  auto mix = [&hash](uint64_t x) {
    hash = HashBytes(std::string_view(reinterpret_cast<const char*>(&x), sizeof(x)), hash);
  };
  for (const FunctionInput& input : inputs_) {
    hash = HashBytes(input.name, hash);
    hash = HashBytes(type(input.value).ToText(), hash);
    mix(static_cast<uint64_t>(input.kind));
  }
  for (const Node& node : nodes_) {
    hash = node.is_call() ? HashBytes(node.at, hash) : HashBytes(node.op->name(), hash);
    if (node.is_call()) mix(node.callee->Hash());
    hash = HashOf(node.attrs, hash);
    for (ValueId id : node.inputs) mix(static_cast<uint64_t>(id));
    for (ValueId id : node.outputs) mix(static_cast<uint64_t>(id));
  }
  for (const FunctionOutput& output : outputs_) {
    hash = HashBytes(output.name, hash);
    mix(static_cast<uint64_t>(output.value));
    mix(static_cast<uint64_t>(output.kind));
  }
  return hash;
}

namespace {

bool SameInput(const Function& a, const Function& b, size_t i) {
  const FunctionInput& x = a.inputs()[i];
  const FunctionInput& y = b.inputs()[i];
  return x.name == y.name && x.kind == y.kind && x.value == y.value && x.param == y.param &&
         a.type(x.value) == b.type(y.value);
}

bool SameNode(const Node& x, const Node& y) {
  if (x.op != y.op || x.at != y.at || x.inputs != y.inputs || x.outputs != y.outputs ||
      x.color != y.color || !(x.attrs == y.attrs) || x.is_call() != y.is_call()) {
    return false;
  }
  return !x.is_call() || x.callee == y.callee || StructurallyEqual(*x.callee, *y.callee);
}

}  // namespace

bool StructurallyEqual(const Function& a, const Function& b) {
  if (a.inputs().size() != b.inputs().size() || a.nodes().size() != b.nodes().size() ||
      a.outputs().size() != b.outputs().size()) {
    return false;
  }
  for (size_t i = 0; i < a.inputs().size(); ++i) {
    if (!SameInput(a, b, i)) return false;
  }
  for (size_t i = 0; i < a.nodes().size(); ++i) {
    if (!SameNode(a.nodes()[i], b.nodes()[i])) return false;
  }
  for (size_t i = 0; i < a.outputs().size(); ++i) {
    if (!(a.outputs()[i] == b.outputs()[i])) return false;
  }
  return true;
}

}  // namespace tessera
