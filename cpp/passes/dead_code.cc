// Dead code: nodes that no output needs are dropped. Inputs stay, read or not: calls bind them.
#include <memory>
#include <vector>

#include "cpp/base/status_macros.h"
#include "cpp/ir/copier.h"
#include "cpp/passes/pass.h"

namespace tessera {
namespace {

absl::StatusOr<FunctionRef> Run(const FunctionRef& function, const OpTable&) {
  const Function& source = *function;
  std::vector<bool> needed(source.values().size(), false);
  for (const FunctionOutput& output : source.outputs()) needed[output.value] = true;
  std::vector<bool> live(source.nodes().size(), false);
  size_t live_count = 0;
  for (size_t i = source.nodes().size(); i-- > 0;) {
    const Node& node = source.nodes()[i];
    for (ValueId id : node.outputs) live[i] = live[i] || needed[id];
    if (!live[i]) continue;
    ++live_count;
    for (ValueId id : node.inputs) needed[id] = true;
  }
  if (live_count == source.nodes().size()) return function;
  auto target = std::make_shared<Function>(source.name());
  Copier copy(source, *target);
  for (const FunctionInput& input : source.inputs()) copy.CopyInput(input);
  for (size_t i = 0; i < source.nodes().size(); ++i) {
    if (live[i]) RETURN_IF_ERROR(copy.CopyNode(source.nodes()[i]));
  }
  for (const FunctionOutput& output : source.outputs()) {
    target->AddOutput(output.name, copy(output.value), output.kind, output.weight);
  }
  return FunctionRef(target);
}

}  // namespace

Pass DeadCodePass() {
  return {.doc = "nodes that no output needs are dropped", .place = kCleanPlace, .run = &Run};
}

}  // namespace tessera
