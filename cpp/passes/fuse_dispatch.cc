// Fuse dispatch: products of rows that dispatch only copied read the rows of the tokens themselves.
//
// dispatch + grouped_matmul is gathered_matmul, dispatch + grouped_matmul_grad (rows on the left)
// gathered_matmul_grad: the copy of every token for each of its experts is not made then. Only
// where all readers of a dispatch can do without it, and it has no weights, whose products would be
// rounded anew for every block of columns. The results are the same bit for bit.
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "cpp/base/status_macros.h"
#include "cpp/ir/copier.h"
#include "cpp/passes/pass.h"

namespace tessera {
namespace {

bool IsOp(const Node& node, std::string_view name) {
  return node.op != nullptr && node.op->name() == name;
}

// What stands in place of a reader; "" when it needs the copy.
std::string GatheredForm(const Node& reader, ValueId sent) {
  const bool is_product = IsOp(reader, "grouped_matmul");
  if (!is_product && !IsOp(reader, "grouped_matmul_grad")) return "";
  for (size_t i = 0; i < reader.inputs.size(); ++i) {
    if ((reader.inputs[i] == sent) != (i == 0)) return "";
  }
  return is_product ? "gathered_matmul" : "gathered_matmul_grad";
}

// The dispatch nodes that nobody needs, by their result.
std::vector<const Node*> Needless(const Function& source) {
  std::vector<const Node*> needless(source.values().size(), nullptr);
  for (const Node& node : source.nodes()) {
    if (IsOp(node, "dispatch") && node.inputs.size() == 3) needless[node.outputs[0]] = &node;
  }
  for (const FunctionOutput& output : source.outputs()) needless[output.value] = nullptr;
  for (const Node& node : source.nodes()) {
    for (const ValueId id : node.inputs) {
      if (needless[id] != nullptr && GatheredForm(node, id).empty()) needless[id] = nullptr;
    }
  }
  return needless;
}

absl::StatusOr<FunctionRef> Run(const FunctionRef& function, const OpTable& ops) {
  const Function& source = *function;
  const std::vector<const Node*> needless = Needless(source);
  auto target = std::make_shared<Function>(source.name());
  Copier copy(source, *target);
  for (const FunctionInput& input : source.inputs()) copy.CopyInput(input);
  bool any = false;
  for (const Node& node : source.nodes()) {
    const Node* sent = node.inputs.empty() ? nullptr : needless[node.inputs[0]];
    if (sent == nullptr) {
      // What is needless goes with dead code.
      RETURN_IF_ERROR(copy.CopyNode(node));
      continue;
    }
    any = true;
    ASSIGN_OR_RETURN(const OpDef* op, ops.Get(GatheredForm(node, sent->outputs[0])));
    std::vector<ValueId> inputs = {copy(sent->inputs[0])};
    for (size_t i = 1; i < node.inputs.size(); ++i) inputs.push_back(copy(node.inputs[i]));
    inputs.push_back(copy(sent->inputs[1]));
    inputs.push_back(copy(sent->inputs[2]));
    const size_t index = target->nodes().size();
    ASSIGN_OR_RETURN(const std::vector<ValueId> results,
                     target->AddNode(*op, node.attrs, std::move(inputs)));
    target->SetColor(index, node.color);
    copy.Map(node.outputs[0], results[0]);
  }
  if (!any) return function;
  for (const FunctionOutput& output : source.outputs()) {
    target->AddOutput(output.name, copy(output.value), output.kind, output.weight);
  }
  return FunctionRef(target);
}

}  // namespace

Pass FuseDispatchPass() {
  return {.doc = "products read the rows of tokens, which are not copied first",
          .place = kFusePlace,
          .run = &Run,
          .remade = {"dispatch"}};
}

}  // namespace tessera
