// Fusion: chains of row-wise ops become one `fused` node, so that what one writes and the next
// reads stays in a cache and is neither stored nor loaded. What is saved is bytes alone: the
// executor runs the same kernels, on tiles of rows.
#include <algorithm>
#include <map>
#include <memory>
#include <set>
#include <utility>
#include <vector>

#include "cpp/base/status_macros.h"
#include "cpp/ir/copier.h"
#include "cpp/ops/fused.h"
#include "cpp/passes/fuse_groups.h"
#include "cpp/passes/pass.h"
#include "cpp/tensor/fused_program.h"

namespace tessera {
namespace {

constexpr size_t kMostNodes = 20000;  // of a function; a longer one is left as it is

class FusionWriter {
 public:
  FusionWriter(const Function& source, const FusionGroups& groups, const OpDef& fused)
      : source_(source),
        groups_(groups),
        fused_(fused),
        target_(std::make_shared<Function>(source.name())),
        copy_(source, *target_),
        emitted_(source.nodes().size(), false) {
    const auto& nodes = source.nodes();
    for (size_t n = 0; n < nodes.size(); ++n) {
      for (ValueId id : nodes[n].inputs) {
        const int maker = source.value(id).node;
        if (maker < 0 || groups.group_of(maker) != groups.group_of(static_cast<int>(n))) {
          read_outside_.insert(id);
        }
      }
    }
    for (const FunctionOutput& output : source.outputs()) read_outside_.insert(output.value);
  }

  absl::StatusOr<FunctionRef> Run() {
    for (const FunctionInput& input : source_.inputs()) copy_.CopyInput(input);
    for (int n = 0; n < static_cast<int>(source_.nodes().size()); ++n) {
      if (groups_.group_of(n) == n) RETURN_IF_ERROR(Emit(n));
    }
    for (const FunctionOutput& output : source_.outputs()) {
      target_->AddOutput(output.name, copy_(output.value), output.kind, output.weight);
    }
    return FunctionRef(target_);
  }

 private:
  // Writes a group after everything that it reads.
  absl::Status Emit(int group) {
    if (emitted_[group]) return absl::OkStatus();
    emitted_[group] = true;
    const std::vector<int>& members = groups_.members(group);
    for (int member : members) {
      for (ValueId id : source_.nodes()[member].inputs) {
        const int maker = source_.value(id).node;
        if (maker < 0 || groups_.group_of(maker) == group) continue;
        RETURN_IF_ERROR(Emit(groups_.group_of(maker)));
      }
    }
    if (members.size() == 1) return copy_.CopyNode(source_.nodes()[group]);
    return EmitFused(members, groups_.leading(group));
  }

  // Operands like the last result first: one of those may give it its memory.
  std::vector<ValueId> OperandsOf(const std::vector<int>& members, const Dims& leading) const {
    std::vector<ValueId> operands;
    for (int member : members) {
      for (ValueId id : source_.nodes()[member].inputs) {
        const int maker = source_.value(id).node;
        const bool is_inside = maker >= 0 && groups_.group_of(maker) == members.back();
        const bool is_known = std::find(operands.begin(), operands.end(), id) != operands.end();
        if (!is_inside && !is_known) operands.push_back(id);
      }
    }
    const ValueType& last = source_.type(source_.nodes()[members.back()].outputs[0]);
    const auto place = [&](ValueId id) {
      const ValueType& type = source_.type(id);
      if (type.dims == last.dims && SizeOf(type.dtype) == SizeOf(last.dtype)) return 0;
      return SeeAsRows(type, leading)->whole ? 2 : 1;
    };
    std::stable_sort(operands.begin(), operands.end(),
                     [&](ValueId a, ValueId b) { return place(a) < place(b); });
    return operands;
  }

  // Results that are read outside; what is made last comes first: operands are free for it by then.
  std::vector<ValueId> ResultsOf(const std::vector<int>& members) const {
    std::vector<ValueId> results;
    for (int member : members) {
      for (ValueId id : source_.nodes()[member].outputs) {
        if (read_outside_.contains(id)) results.insert(results.begin(), id);
      }
    }
    // Nobody reads any: dead code, left to those who remove it.
    if (results.empty()) results = source_.nodes()[members.back()].outputs;
    return results;
  }

  absl::Status EmitFused(const std::vector<int>& members, const Dims& leading) {
    FusedProgram program;
    std::map<ValueId, int> numbers;
    std::vector<ValueId> inputs;
    for (ValueId id : OperandsOf(members, leading)) {
      const RowValue value = *SeeAsRows(source_.type(id), leading);
      numbers[id] = static_cast<int>(program.operands.size());
      program.operands.push_back({value.columns, value.whole});
      inputs.push_back(copy_(id));
    }
    int next = static_cast<int>(inputs.size());
    for (int member : members) {
      const Node& node = source_.nodes()[member];
      RowUse use = *UseOverRows(source_, node, leading);
      FusedProgram::Step& step = program.steps.emplace_back();
      step = {node.op->name(), std::move(use.attrs), {}, std::move(use.results)};
      for (ValueId id : node.inputs) step.inputs.push_back(numbers.at(id));
      for (ValueId id : node.outputs) numbers[id] = next++;
    }
    const std::vector<ValueId> results = ResultsOf(members);
    for (ValueId id : results) program.outputs.push_back(numbers.at(id));
    ASSIGN_OR_RETURN(const std::vector<ValueId> made,
                     target_->AddNode(fused_, program.ToAttrs(), inputs));
    target_->SetColor(target_->nodes().size() - 1, source_.nodes()[members.back()].color);
    for (size_t i = 0; i < results.size(); ++i) copy_.Map(results[i], made[i]);
    return absl::OkStatus();
  }

  const Function& source_;
  const FusionGroups& groups_;
  const OpDef& fused_;
  std::shared_ptr<Function> target_;
  Copier copy_;
  std::vector<bool> emitted_;
  std::set<ValueId> read_outside_;  // of the group that makes it
};

absl::StatusOr<FunctionRef> Run(const FunctionRef& function, const OpTable& ops) {
  if (function->nodes().size() > kMostNodes) return function;
  const FusionGroups groups(*function);
  if (!groups.any()) return function;
  ASSIGN_OR_RETURN(const OpDef* fused, ops.Get("fused"));
  return FusionWriter(*function, groups, *fused).Run();
}

}  // namespace

Pass FusePass() {
  return {.doc = "chains of row-wise ops run tile by tile", .place = kFusePlace, .run = &Run};
}

}  // namespace tessera
