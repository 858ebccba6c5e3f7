#include "cpp/passes/flatten.h"

#include <map>

#include "absl/strings/str_cat.h"
#include "cpp/base/status_macros.h"
#include "cpp/ir/copier.h"

namespace tessera {
namespace {

class Flattener {
 public:
  explicit Flattener(const FlattenOptions& options) : options_(options) {}

  absl::StatusOr<std::shared_ptr<Function>> Run(const Function& source, bool keep) {
    auto target = std::make_shared<Function>(source.name());
    Copier copy(source, *target);
    for (const FunctionInput& input : source.inputs()) copy.CopyInput(input);
    RETURN_IF_ERROR(Inline(source, *target, copy, "", keep));
    for (const FunctionOutput& output : source.outputs()) {
      target->AddOutput(output.name, copy(output.value), output.kind, output.weight);
    }
    return target;
  }

 private:
  static std::string Join(const std::string& prefix, const std::string& at) {
    if (prefix.empty()) return at;
    return at.empty() ? prefix : absl::StrCat(prefix, "/", at);
  }

  // Nodes after complete inlining, counted once per function.
  size_t FlatSize(const FunctionRef& function) {
    if (const auto it = sizes_.find(function); it != sizes_.end()) return it->second;
    size_t size = 0;
    for (const Node& node : function->nodes()) size += node.is_call() ? FlatSize(node.callee) : 1;
    sizes_[function] = size;
    return size;
  }

  absl::StatusOr<FunctionRef> FlatCallee(const FunctionRef& callee) {
    if (const auto it = flat_.find(callee); it != flat_.end()) return it->second;
    ASSIGN_OR_RETURN(std::shared_ptr<Function> flat, Run(*callee, false));
    flat_[callee] = flat;
    return FunctionRef(flat);
  }

  // Copies the body of `source` (whose inputs are mapped) into `target`.
  absl::Status Inline(const Function& source, Function& target, Copier& copy,
                      const std::string& prefix, bool keep) {
    std::map<FunctionRef, int> uses;
    if (keep) {
      for (const Node& node : source.nodes()) {
        if (node.is_call()) ++uses[node.callee];
      }
    }
    for (const Node& node : source.nodes()) {
      if (!node.is_call()) {
        RETURN_IF_ERROR(copy.CopyNode(node));
      } else if (keep && uses[node.callee] > 1 && FlatSize(node.callee) >= options_.least_nodes) {
        RETURN_IF_ERROR(KeepCall(node, target, copy, prefix));
      } else {
        RETURN_IF_ERROR(InlineCall(node, target, copy, prefix, keep));
      }
    }
    return absl::OkStatus();
  }

  absl::Status KeepCall(const Node& node, Function& target, Copier& copy,
                        const std::string& prefix) {
    ASSIGN_OR_RETURN(FunctionRef callee, FlatCallee(node.callee));
    std::vector<ValueId> operands;
    for (ValueId id : node.inputs) operands.push_back(copy(id));
    ASSIGN_OR_RETURN(std::vector<ValueId> outputs,
                     target.AddCall(callee, Join(prefix, node.at), std::move(operands)));
    for (size_t i = 0; i < outputs.size(); ++i) copy.Map(node.outputs[i], outputs[i]);
    return absl::OkStatus();
  }

  absl::Status InlineCall(const Node& node, Function& target, Copier& copy,
                          const std::string& prefix, bool keep) {
    const Function& callee = *node.callee;
    Copier inner(callee, target);
    for (size_t i = 0; i < node.inputs.size(); ++i) {
      inner.Map(callee.inputs()[i].value, copy(node.inputs[i]));
    }
    RETURN_IF_ERROR(Inline(callee, target, inner, Join(prefix, node.at), keep));
    for (size_t i = 0; i < node.outputs.size(); ++i) {
      copy.Map(node.outputs[i], inner(callee.outputs()[i].value));
    }
    return absl::OkStatus();
  }

  const FlattenOptions& options_;
  std::map<FunctionRef, size_t> sizes_;
  std::map<FunctionRef, FunctionRef> flat_;
};

}  // namespace

absl::StatusOr<std::shared_ptr<Function>> Flatten(const Function& main,
                                                  const FlattenOptions& options) {
  return Flattener(options).Run(main, options.keep_repeated);
}

}  // namespace tessera
