#include "cpp/compile/step_sums.h"

#include "absl/strings/str_cat.h"
#include "cpp/base/status_macros.h"
#include "cpp/ir/copier.h"
#include "cpp/ir/graph.h"
#include "cpp/ops/collective.h"

namespace tessera {
namespace {

bool IsAllReduce(const Node& node) { return !node.is_call() && node.op->name() == kAllReduce; }

}  // namespace

absl::StatusOr<SplitMain> SplitBuffers(const Function& main) {
  SplitMain split;
  split.function = std::make_shared<Function>(main);
  split.function->ClearOutputs();
  for (const FunctionOutput& output : main.outputs()) {
    if (output.kind != OutputKind::kBuffer) {
      split.function->AddOutput(output.name, output.value, output.kind, output.weight);
      continue;
    }
    const int producer = main.value(output.value).node;
    const int buffer = main.FindInput(output.name, InputKind::kParam);
    const bool is_update = producer >= 0 && main.nodes()[producer].is_call() && buffer >= 0 &&
                           main.nodes()[producer].inputs.size() == 2 &&
                           main.nodes()[producer].outputs.size() == 1 &&
                           main.nodes()[producer].inputs[0] == main.inputs()[buffer].value;
    if (!is_update) {
      return absl::InvalidArgumentError(absl::StrCat(
          "buffer ", output.name, ": expected its next value as a call of the buffer and a total"));
    }
    const Node& call = main.nodes()[producer];
    split.updates.push_back({output.name, call.callee});
    split.function->AddOutput(output.name, call.inputs[1], OutputKind::kContribution);
  }
  return split;
}

absl::StatusOr<ReducedMain> TakeAllReduces(const Function& main, const OpTable& ops) {
  ReducedMain reduced;
  reduced.function = std::make_shared<Function>(main.name());
  Copier copy(main, *reduced.function);
  for (const FunctionInput& input : main.inputs()) copy.CopyInput(input);
  for (size_t i = 0; i < main.nodes().size(); ++i) {
    Node node = main.nodes()[i];
    if (node.is_call() && node.callee->nodes().size() == 1 &&
        IsAllReduce(node.callee->nodes()[0])) {
      const Node& reduce = node.callee->nodes()[0];
      if (reduce.attrs.Text("reduce") != "sum") {
        return absl::UnimplementedError("all_reduce in a forward: expected a sum");
      }
      auto body = std::make_shared<Function>("sum_over_ranks");
      const FunctionInput& input = node.callee->inputs()[0];
      Graph graph(ops, *body);
      const ValueId x = body->AddInput(input.name, input.kind, node.callee->type(input.value));
      body->AddOutput("y0", graph.Op("copy", {x}));
      RETURN_IF_ERROR(graph.status());
      node.callee = body;
      reduced.calls.insert(i);
    }
    RETURN_IF_ERROR(copy.CopyNode(node));
  }
  for (const FunctionOutput& output : main.outputs()) {
    reduced.function->AddOutput(output.name, copy(output.value), output.kind, output.weight);
  }
  return reduced;
}

bool DependsOnAllReduce(const Function& flat, ValueId value) {
  std::vector<bool> needed(flat.values().size(), false);
  needed[value] = true;
  for (size_t i = flat.nodes().size(); i-- > 0;) {
    const Node& node = flat.nodes()[i];
    bool any = false;
    for (ValueId id : node.outputs) any = any || needed[id];
    if (!any) continue;
    if (IsAllReduce(node)) return true;
    for (ValueId id : node.inputs) needed[id] = true;
  }
  return false;
}

}  // namespace tessera
