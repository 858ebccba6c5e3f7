#include "cpp/train/program_cost.h"

#include <algorithm>
#include <map>

namespace tessera {
namespace {

// The ops of one call of a function.
std::map<std::string, OpWork> WorkOf(const Function& function, const SymbolSizes& sizes) {
  std::map<std::string, OpWork> work;
  std::vector<ValueType> inputs, outputs;
  for (const Node& node : function.nodes()) {
    inputs.clear();
    outputs.clear();
    for (ValueId id : node.inputs) inputs.push_back(function.type(id));
    for (ValueId id : node.outputs) outputs.push_back(function.type(id));
    OpWork& entry = work[node.op->name()];
    ++entry.uses;
    if (node.op->is_view()) continue;  // moves no bytes
    const OpCost cost = node.op->Cost(inputs, outputs, node.attrs, sizes);
    entry.flops += cost.flops;
    entry.bytes += cost.bytes;
  }
  return work;
}

}  // namespace

ProgramCost CostOf(const Program& program, const SymbolSizes& sizes,
                   absl::Span<const ActionKind> kinds) {
  ProgramCost cost;
  cost.function_uses.resize(program.functions.size());
  cost.function_flops.resize(program.functions.size());
  for (const Action& action : program.schedule) {
    if (action.call < 0 || action.kind == ActionKind::kRefresh) continue;
    if (!kinds.empty() && std::find(kinds.begin(), kinds.end(), action.kind) == kinds.end()) {
      continue;
    }
    ++cost.function_uses[program.calls[action.call].function];
  }
  std::map<std::string, OpWork> total;
  for (size_t f = 0; f < program.functions.size(); ++f) {
    if (cost.function_uses[f] == 0) continue;
    const double uses = static_cast<double>(cost.function_uses[f]);
    for (const auto& [name, work] : WorkOf(*program.functions[f], sizes)) {
      OpWork& entry = total[name];
      entry.op = name;
      entry.uses += work.uses * cost.function_uses[f];
      entry.flops += work.flops * uses;
      entry.bytes += work.bytes * uses;
      cost.function_flops[f] += work.flops;
      cost.flops += work.flops * uses;
      cost.bytes += work.bytes * uses;
    }
  }
  for (auto& [name, work] : total) cost.ops.push_back(std::move(work));
  std::stable_sort(cost.ops.begin(), cost.ops.end(),
                   [](const OpWork& a, const OpWork& b) { return a.flops > b.flops; });
  return cost;
}

}  // namespace tessera
