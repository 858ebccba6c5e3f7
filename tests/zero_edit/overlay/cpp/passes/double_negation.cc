// -(-x) is x: readers of the outer negation read x. Dead code then takes both away.
#include <memory>

#include "cpp/base/status_macros.h"
#include "cpp/ir/copier.h"
#include "cpp/passes/pass.h"

namespace tessera {
namespace {

bool IsNegation(const Node& node) { return !node.is_call() && node.op->name() == "neg"; }

absl::StatusOr<FunctionRef> Run(const FunctionRef& function, const OpTable&) {
  const Function& source = *function;
  auto target = std::make_shared<Function>(source.name());
  Copier copy(source, *target);
  for (const FunctionInput& input : source.inputs()) copy.CopyInput(input);
  bool changed = false;
  for (const Node& node : source.nodes()) {
    const int before = IsNegation(node) ? source.value(node.inputs[0]).node : -1;
    if (before >= 0 && IsNegation(source.nodes()[before])) {
      copy.Map(node.outputs[0], copy(source.nodes()[before].inputs[0]));
      changed = true;
    } else {
      RETURN_IF_ERROR(copy.CopyNode(node));
    }
  }
  if (!changed) return function;
  for (const FunctionOutput& output : source.outputs()) {
    target->AddOutput(output.name, copy(output.value), output.kind, output.weight);
  }
  return FunctionRef(target);
}

}  // namespace

Pass DoubleNegationPass() {
  return {.doc = "a negation of a negation is gone", .place = kSimplifyPlace, .run = &Run};
}

}  // namespace tessera
