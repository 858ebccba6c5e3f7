// Common subexpressions: of nodes with equal op, attributes and operands the first one serves all.
//
// Ops are pure, so the results are the same bit for bit. Left alone are nodes that take over an
// operand's memory, calls, and a node whose result is an output of the function like that of its
// equal: both have to be written, so nothing would be saved.
#include <map>
#include <memory>
#include <set>
#include <string>

#include "absl/strings/str_cat.h"
#include "cpp/base/status_macros.h"
#include "cpp/ir/copier.h"
#include "cpp/passes/pass.h"

namespace tessera {
namespace {

class Merger {
 public:
  explicit Merger(const Function& source)
      : source_(source),
        target_(std::make_shared<Function>(source.name())),
        copy_(source, *target_) {
    for (const FunctionOutput& output : source.outputs()) outputs_.insert(output.value);
  }

  // nullptr when nothing is equal.
  absl::StatusOr<FunctionRef> Run() {
    for (const FunctionInput& input : source_.inputs()) copy_.CopyInput(input);
    for (const Node& node : source_.nodes()) {
      if (Merge(node)) continue;
      RETURN_IF_ERROR(copy_.CopyNode(node));
    }
    if (!merged_) return FunctionRef();
    for (const FunctionOutput& output : source_.outputs()) {
      target_->AddOutput(output.name, copy_(output.value), output.kind, output.weight);
    }
    return FunctionRef(target_);
  }

 private:
  static bool MayMerge(const Node& node) { return !node.is_call() && !node.op->must_alias(); }

  std::string KeyOf(const Node& node) const {
    std::string key = absl::StrCat(node.op->name(), " ", ToText(node.attrs));
    for (ValueId id : node.inputs) absl::StrAppend(&key, " %", copy_(id));
    return key;
  }

  // Maps the results of `node` to those of an equal one before it, if there is one.
  bool Merge(const Node& node) {
    if (!MayMerge(node)) return false;
    const auto [it, is_new] = first_.try_emplace(KeyOf(node), &node);
    if (is_new) return false;
    const Node& first = *it->second;
    for (size_t i = 0; i < node.outputs.size(); ++i) {
      if (outputs_.contains(node.outputs[i]) && outputs_.contains(first.outputs[i])) return false;
    }
    for (size_t i = 0; i < node.outputs.size(); ++i) {
      copy_.Map(node.outputs[i], copy_(first.outputs[i]));
      if (outputs_.contains(node.outputs[i])) outputs_.insert(first.outputs[i]);
    }
    merged_ = true;
    return true;
  }

  const Function& source_;
  std::shared_ptr<Function> target_;
  Copier copy_;
  std::set<ValueId> outputs_;   // of the source
  std::map<std::string, const Node*> first_;
  bool merged_ = false;
};

absl::StatusOr<FunctionRef> Run(const FunctionRef& function, const OpTable&) {
  ASSIGN_OR_RETURN(FunctionRef merged, Merger(*function).Run());
  return merged == nullptr ? function : merged;
}

}  // namespace

Pass CsePass() {
  return {.doc = "equal nodes are computed once", .place = kSimplifyPlace, .run = &Run};
}

}  // namespace tessera
