#include "cpp/moe/internal/routing_tape.h"

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "cpp/base/status_macros.h"
#include "cpp/ir/copier.h"

namespace tessera {
namespace {

std::string Below(const std::string& at, const std::string& path) {
  return at.empty() || path.empty() ? absl::StrCat(at, path) : absl::StrCat(at, "/", path);
}

// The choices that a plan is made of: what the gate gave, behind what takes padding and experts
// without rows away.
ValueId ChoicesOf(const Function& function, const Node& plan) {
  ValueId id = plan.inputs[0];
  for (;;) {
    const Value& value = function.value(id);
    if (value.node < 0) return id;
    const Node& node = function.nodes()[static_cast<size_t>(value.node)];
    if (node.op == nullptr || node.op->name() != "where") return id;
    id = node.inputs[1];
  }
}

bool IsPlan(const Node& node) { return node.op != nullptr && node.op->name() == "plan"; }

// A function whose tapes are written or read: those of its own plans and of what it calls, each
// with its path below it, one more result or argument for each, behind all others.
struct Taped {
  FunctionRef function;
  std::vector<std::string> paths;
};

class Taper {
 public:
  explicit Taper(bool replays) : replays_(replays) {}

  absl::StatusOr<Taped> Run(const FunctionRef& source, bool is_main) {
    if (const auto it = taped_.find(source); it != taped_.end()) return it->second;
    Taped result;
    auto target = std::make_shared<Function>(source->name());
    Copier copy(*source, *target);
    for (const FunctionInput& input : source->inputs()) copy.CopyInput(input);
    Rewrite rewrite{*source, *target, copy, is_main, {}, {}, {}};
    for (const Node& node : source->nodes()) {
      if (!IsPlan(node)) continue;
      const size_t number = rewrite.own.size();
      const std::string path = number == 0 ? "" : absl::StrCat("plan_", number);
      rewrite.own.try_emplace(ChoicesOf(*source, node), Own{path, false});
    }
    for (const FunctionInput& input : source->inputs()) TakeOwn(input.value, rewrite);
    for (const Node& node : source->nodes()) {
      RETURN_IF_ERROR(node.is_call() ? AddCall(node, rewrite) : copy.CopyNode(node));
      for (const ValueId id : node.outputs) TakeOwn(id, rewrite);
    }
    for (const FunctionOutput& output : source->outputs()) {
      target->AddOutput(output.name, copy(output.value), output.kind, output.weight);
    }
    for (size_t i = 0; i < rewrite.recorded.size(); ++i) {
      target->AddOutput(NameOf(rewrite.paths[i], is_main), rewrite.recorded[i]);
    }
    result.paths = rewrite.paths;
    result.function = rewrite.paths.empty() ? source : FunctionRef(target);
    return taped_[source] = result;
  }

 private:
  struct Own {
    std::string path;
    bool is_taken = false;   // has its result, or its argument
  };

  struct Rewrite {
    const Function& source;
    Function& target;
    Copier& copy;
    const bool is_main;
    std::map<ValueId, Own> own;       // by the choices of this function's plans
    std::vector<std::string> paths;   // of the arguments or results so far
    std::vector<ValueId> recorded;
  };

  static std::string NameOf(const std::string& path, bool is_main) {
    return is_main ? absl::StrCat(kRoutingPrefix, path) : absl::StrCat("routing_", path);
  }

  static ValueId NewArgument(Rewrite& rewrite, const std::string& path, const ValueType& type) {
    rewrite.paths.push_back(path);
    return rewrite.target.AddInput(NameOf(path, rewrite.is_main), InputKind::kArgument, type);
  }

  // Choices of a plan of this function, just copied.
  void TakeOwn(ValueId id, Rewrite& rewrite) const {
    const auto it = rewrite.own.find(id);
    if (it == rewrite.own.end() || it->second.is_taken) return;
    it->second.is_taken = true;
    if (replays_) {
      rewrite.copy.Map(id, NewArgument(rewrite, it->second.path, rewrite.source.type(id)));
    } else {
      rewrite.paths.push_back(it->second.path);
      rewrite.recorded.push_back(rewrite.copy(id));
    }
  }

  absl::Status AddCall(const Node& node, Rewrite& rewrite) {
    ASSIGN_OR_RETURN(const Taped callee, Run(node.callee, false));
    FunctionRef function = callee.function;
    std::vector<ValueId> operands;
    for (const ValueId id : node.inputs) operands.push_back(rewrite.copy(id));
    if (replays_) {
      const size_t first = node.callee->inputs().size();
      for (size_t i = 0; i < callee.paths.size(); ++i) {
        const FunctionInput& input = function->inputs()[first + i];
        operands.push_back(
            NewArgument(rewrite, Below(node.at, callee.paths[i]), function->type(input.value)));
      }
      // A gate: what it does with its choices follows, too.
      for (size_t i = 0; i < node.outputs.size(); ++i) {
        const auto own = rewrite.own.find(node.outputs[i]);
        if (own == rewrite.own.end() || !callee.paths.empty()) continue;
        ASSIGN_OR_RETURN(function, Replaced(node.callee, i));
        own->second.is_taken = true;
        operands.push_back(
            NewArgument(rewrite, own->second.path, rewrite.source.type(node.outputs[i])));
        break;
      }
    }
    ASSIGN_OR_RETURN(const std::vector<ValueId> results,
                     rewrite.target.AddCall(function, node.at, std::move(operands)));
    for (size_t i = 0; i < node.outputs.size(); ++i) rewrite.copy.Map(node.outputs[i], results[i]);
    for (size_t i = 0; i < callee.paths.size() && !replays_; ++i) {
      rewrite.paths.push_back(Below(node.at, callee.paths[i]));
      rewrite.recorded.push_back(results[node.outputs.size() + i]);
    }
    return absl::OkStatus();
  }

  // `source` with one more argument in place of whatever it gives as output `index`.
  absl::StatusOr<FunctionRef> Replaced(const FunctionRef& source, size_t index) {
    const auto key = std::pair(source, index);
    if (const auto it = replaced_.find(key); it != replaced_.end()) return it->second;
    const ValueId choices = source->outputs()[index].value;
    auto target = std::make_shared<Function>(source->name());
    Copier copy(*source, *target);
    for (const FunctionInput& input : source->inputs()) copy.CopyInput(input);
    const ValueId given =
        target->AddInput("routing", InputKind::kArgument, source->type(choices));
    if (source->value(choices).node < 0) copy.Map(choices, given);
    for (const Node& node : source->nodes()) {
      size_t found = node.outputs.size();
      for (size_t i = 0; i < node.outputs.size(); ++i) {
        if (node.outputs[i] == choices) found = i;
      }
      if (found == node.outputs.size() || !node.is_call()) {
        RETURN_IF_ERROR(copy.CopyNode(node));
      } else {   // a gate around a gate
        ASSIGN_OR_RETURN(const FunctionRef inner, Replaced(node.callee, found));
        std::vector<ValueId> operands;
        for (const ValueId id : node.inputs) operands.push_back(copy(id));
        operands.push_back(given);
        ASSIGN_OR_RETURN(const std::vector<ValueId> results,
                         target->AddCall(inner, node.at, std::move(operands)));
        for (size_t i = 0; i < results.size(); ++i) copy.Map(node.outputs[i], results[i]);
      }
      if (found < node.outputs.size()) copy.Map(choices, given);
    }
    for (const FunctionOutput& output : source->outputs()) {
      target->AddOutput(output.name, copy(output.value), output.kind, output.weight);
    }
    return replaced_[key] = FunctionRef(target);
  }

  const bool replays_;
  std::map<FunctionRef, Taped> taped_;
  std::map<std::pair<FunctionRef, size_t>, FunctionRef> replaced_;
};

absl::StatusOr<FunctionRef> Tape(const FunctionRef& main, bool replays) {
  ASSIGN_OR_RETURN(const Taped taped, Taper(replays).Run(main, true));
  if (!taped.paths.empty()) return taped.function;
  return absl::NotFoundError("routing: the model has no mixture of experts");
}

}  // namespace

absl::StatusOr<FunctionRef> WithRoutingRecorded(const FunctionRef& main) {
  return Tape(main, false);
}

absl::StatusOr<FunctionRef> WithRoutingReplayed(const FunctionRef& main) {
  return Tape(main, true);
}

}  // namespace tessera
