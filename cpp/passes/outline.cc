#include "cpp/passes/outline.h"

#include <map>

#include "absl/strings/str_cat.h"
#include "cpp/base/status_macros.h"
#include "cpp/ir/copier.h"
#include "cpp/ops/collective.h"
#include "cpp/passes/unique_functions.h"

namespace tessera {
namespace {

// Collects loose nodes and emits them as one function when a call (or the end) comes.
class Outliner {
 public:
  explicit Outliner(const Function& main)
      : main_(main), target_(std::make_shared<Function>(main.name())), copy_(main, *target_) {
    last_use_.assign(main.values().size(), -1);
    for (size_t i = 0; i < main.nodes().size(); ++i) {
      for (ValueId id : main.nodes()[i].inputs) last_use_[id] = static_cast<int>(i);
    }
    for (const FunctionOutput& output : main.outputs()) {
      last_use_[output.value] = static_cast<int>(main.nodes().size());
    }
    input_of_.assign(main.values().size(), -1);
    for (size_t i = 0; i < main.inputs().size(); ++i) {
      input_of_[main.inputs()[i].value] = static_cast<int>(i);
    }
  }

  absl::StatusOr<std::shared_ptr<Function>> Run() {
    for (const FunctionInput& input : main_.inputs()) copy_.CopyInput(input);
    size_t begin = 0;
    for (size_t i = 0; i <= main_.nodes().size(); ++i) {
      const bool at_end = i == main_.nodes().size();
      const bool is_alone = !at_end && IsCollectiveNode(main_.nodes()[i]);
      if (!at_end && !main_.nodes()[i].is_call() && !is_alone) continue;
      RETURN_IF_ERROR(EmitRun(begin, i));
      if (is_alone) {
        RETURN_IF_ERROR(EmitRun(i, i + 1));
      } else if (!at_end) {
        RETURN_IF_ERROR(EmitCall(main_.nodes()[i]));
      }
      begin = i + 1;
    }
    for (const FunctionOutput& output : main_.outputs()) {
      target_->AddOutput(output.name, copy_(output.value), output.kind, output.weight);
    }
    return target_;
  }

 private:
  static bool IsCollectiveNode(const Node& node) {
    return !node.is_call() && IsCollective(*node.op);
  }

  bool IsParam(ValueId id) const {
    return input_of_[id] >= 0 && main_.inputs()[input_of_[id]].kind == InputKind::kParam;
  }

  absl::Status EmitCall(const Node& node) {
    Node call = node;
    ASSIGN_OR_RETURN(call.callee, WithParamKinds(node));
    return copy_.CopyNode(call);
  }

  // The callee with exactly those inputs as parameters that get parameters of main: their gradients
  // are accumulated over micro-batches and kept in a wider dtype, those of other values are not.
  absl::StatusOr<FunctionRef> WithParamKinds(const Node& node) {
    const FunctionRef callee = unique_.Of(node.callee);
    bool same = true;
    for (size_t i = 0; i < node.inputs.size(); ++i) {
      same = same && IsParam(node.inputs[i]) == (callee->inputs()[i].kind == InputKind::kParam);
    }
    if (same) return callee;
    auto changed = std::make_shared<Function>(callee->name());
    Copier copy(*callee, *changed);
    for (size_t i = 0; i < node.inputs.size(); ++i) {
      FunctionInput input = callee->inputs()[i];
      const bool is_param = IsParam(node.inputs[i]);
      if (is_param != (input.kind == InputKind::kParam)) {
        input.kind = is_param ? InputKind::kParam : InputKind::kArgument;
        if (callee->FindInput(input.name, input.kind) >= 0) absl::StrAppend(&input.name, "#", i);
      }
      copy.CopyInput(input);
    }
    for (const Node& inner : callee->nodes()) RETURN_IF_ERROR(copy.CopyNode(inner));
    for (const FunctionOutput& output : callee->outputs()) {
      changed->AddOutput(output.name, copy(output.value), output.kind, output.weight);
    }
    return unique_.Of(changed);
  }

  absl::Status EmitRun(size_t begin, size_t end) {
    if (begin == end) return absl::OkStatus();
    auto body = std::make_shared<Function>(absl::StrCat("segment_", segment_count_));
    Copier inner(main_, *body);
    std::vector<ValueId> operands;
    for (size_t i = begin; i < end; ++i) {
      for (ValueId id : main_.nodes()[i].inputs) {
        if (inner.IsMapped(id)) continue;
        if (input_of_[id] >= 0) {
          inner.CopyInput(main_.inputs()[input_of_[id]]);
        } else {
          inner.Map(id, body->AddInput(absl::StrCat("x", operands.size()), InputKind::kArgument,
                                       main_.type(id)));
        }
        operands.push_back(copy_(id));
      }
      RETURN_IF_ERROR(inner.CopyNode(main_.nodes()[i]));
    }
    std::vector<ValueId> live;
    for (size_t i = begin; i < end; ++i) {
      for (ValueId id : main_.nodes()[i].outputs) {
        if (last_use_[id] < static_cast<int>(end)) continue;
        live.push_back(id);
        body->AddOutput(absl::StrCat("y", live.size() - 1), inner(id));
      }
    }
    if (live.empty()) return absl::OkStatus();  // nothing reads it
    ASSIGN_OR_RETURN(std::vector<ValueId> outputs,
                     target_->AddCall(body, absl::StrCat("segment_", segment_count_++),
                                      std::move(operands)));
    for (size_t i = 0; i < live.size(); ++i) copy_.Map(live[i], outputs[i]);
    return absl::OkStatus();
  }

  const Function& main_;
  std::shared_ptr<Function> target_;
  Copier copy_;
  std::vector<int> last_use_;
  std::vector<int> input_of_;
  UniqueFunctions unique_;
  int segment_count_ = 0;
};

}  // namespace

absl::StatusOr<std::shared_ptr<Function>> Outline(const Function& main) {
  return Outliner(main).Run();
}

absl::StatusOr<std::shared_ptr<Function>> Slice(const Function& main,
                                                const std::vector<int>& outputs,
                                                std::string name) {
  std::vector<bool> needed(main.values().size(), false);
  for (int output : outputs) needed[main.outputs()[output].value] = true;
  std::vector<bool> emit(main.nodes().size(), false);
  for (size_t i = main.nodes().size(); i-- > 0;) {
    for (ValueId id : main.nodes()[i].outputs) emit[i] = emit[i] || needed[id];
    if (!emit[i]) continue;
    for (ValueId id : main.nodes()[i].inputs) needed[id] = true;
  }
  auto slice = std::make_shared<Function>(std::move(name));
  Copier copy(main, *slice);
  for (const FunctionInput& input : main.inputs()) {
    if (needed[input.value]) copy.CopyInput(input);
  }
  for (size_t i = 0; i < main.nodes().size(); ++i) {
    if (emit[i]) RETURN_IF_ERROR(copy.CopyNode(main.nodes()[i]));
  }
  for (int output : outputs) {
    const FunctionOutput& spec = main.outputs()[output];
    slice->AddOutput(spec.name, copy(spec.value), spec.kind, spec.weight);
  }
  return slice;
}

}  // namespace tessera
