#include "cpp/ir/copier.h"

#include "cpp/base/status_macros.h"

namespace tessera {

ValueId Copier::CopyInput(const FunctionInput& input) {
  const ValueId id =
      target_.AddInput(input.name, input.kind, source_.type(input.value), input.param);
  Map(input.value, id);
  return id;
}

absl::Status Copier::CopyNode(const Node& node) {
  std::vector<ValueId> operands;
  operands.reserve(node.inputs.size());
  for (ValueId id : node.inputs) {
    RET_CHECK(IsMapped(id)) << "copying into '" << target_.name() << "': operand %" << id
                            << " of '" << source_.name() << "' is not there";
    operands.push_back(map_[id]);
  }
  std::vector<ValueId> outputs;
  if (node.is_call()) {
    ASSIGN_OR_RETURN(outputs, target_.AddCall(node.callee, node.at, std::move(operands)));
  } else {
    ASSIGN_OR_RETURN(outputs, target_.AddNode(*node.op, node.attrs, std::move(operands)));
  }
  target_.SetColor(target_.nodes().size() - 1, node.color);
  for (size_t i = 0; i < outputs.size(); ++i) Map(node.outputs[i], outputs[i]);
  return absl::OkStatus();
}

}  // namespace tessera
