#include "cpp/passes/outline.h"

#include <map>

#include "absl/strings/str_cat.h"
#include "cpp/base/status_macros.h"
#include "cpp/ir/copier.h"

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
      if (!at_end && !main_.nodes()[i].is_call()) continue;
      RETURN_IF_ERROR(EmitRun(begin, i));
      if (!at_end) RETURN_IF_ERROR(copy_.CopyNode(main_.nodes()[i]));
      begin = i + 1;
    }
    for (const FunctionOutput& output : main_.outputs()) {
      target_->AddOutput(output.name, copy_(output.value), output.kind, output.weight);
    }
    return target_;
  }

 private:
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
