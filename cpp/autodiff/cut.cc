#include "cpp/autodiff/cut.h"

#include <algorithm>
#include <map>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "cpp/base/status_macros.h"
#include "cpp/ir/copier.h"
#include "cpp/ir/graph.h"

namespace tessera {
namespace {

// A node is cheap when it does at most this many flops per result element: norms, activations and
// rotations are, matrix products and attention are not.
constexpr double kCheapFlopsPerElement = 64;
// Sizes at which cost is judged; every symbol gets this. Only ratios matter.
constexpr int64_t kNominalSize = 256;

// The symbols of a dim's text: its names but those of functions, "ceil_div(".
std::vector<std::string> SymbolsIn(const std::string& text) {
  std::vector<std::string> symbols;
  size_t at = 0;
  while (at < text.size()) {
    size_t end = at;
    while (end < text.size() && (absl::ascii_isalnum(text[end]) || text[end] == '_')) ++end;
    const bool is_name = end > at && !absl::ascii_isdigit(text[at]);
    if (is_name && (end == text.size() || text[end] != '(')) {
      symbols.push_back(text.substr(at, end - at));
    }
    at = std::max(end, at + 1);
  }
  return symbols;
}

// Which values of the joint function are forward values, and how each reaches the backward.
class Availability {
 public:
  Availability(const Function& function, const JointFunction& joint,
               const RecomputeChoice& choice)
      : joint_(*joint.function), choice_(choice) {
    source_.resize(joint_.values().size(), Source::kComputed);
    for (size_t i = 0; i < joint.forward_input_count; ++i) {
      source_[joint_.inputs()[i].value] = Source::kInput;
    }
    forward_nodes_ = function.nodes().size();
    for (size_t i = 0; i < forward_nodes_; ++i) {
      for (ValueId id : joint_.nodes()[i].outputs) {
        source_[id] = Keeps(joint_.nodes()[i]) ? Source::kKept : Source::kRecomputed;
      }
    }
  }

  enum class Source : uint8_t {
    kInput,        // input of the forward function
    kKept,         // forward value that is saved when the backward wants it
    kRecomputed,   // forward value that the backward computes again
    kComputed,     // gradient value (or cotangent)
  };
  Source source(ValueId id) const { return source_[id]; }

 private:
  bool Keeps(const Node& node) const {
    if (node.op->is_view()) return false;
    if (choice_.policy == RecomputePolicy::kFull) return false;
    const auto& ops = choice_.ops;
    if (std::find(ops.begin(), ops.end(), node.op->name()) != ops.end()) return false;
    if (choice_.policy == RecomputePolicy::kNone) return true;
    return !IsCheap(node);
  }

  bool IsCheap(const Node& node) const {
    SymbolSizes sizes;
    std::vector<ValueType> inputs, outputs;
    for (ValueId id : node.inputs) inputs.push_back(Nominal(joint_.type(id)));
    for (ValueId id : node.outputs) outputs.push_back(Nominal(joint_.type(id)));
    double elements = 1;
    for (const ValueType& type : outputs) {
      double count = 1;
      for (const Dim& dim : type.dims) count *= static_cast<double>(dim.value());
      elements += count;
    }
    const OpCost cost = node.op->Cost(inputs, outputs, node.attrs, sizes);
    return cost.flops <= kCheapFlopsPerElement * elements;
  }

  static ValueType Nominal(const ValueType& type) {
    ValueType nominal{type.dtype, {}};
    for (const Dim& dim : type.dims) {
      if (dim.IsConst()) {
        nominal.dims.push_back(dim);
        continue;
      }
      // An expression too large to evaluate counts as one nominal size: only cost is judged.
      SymbolSizes sizes;
      for (const std::string& symbol : SymbolsIn(dim.ToText())) sizes[symbol] = kNominalSize;
      nominal.dims.push_back(Dim(dim.Eval(sizes).value_or(kNominalSize)));
    }
    return nominal;
  }

  const Function& joint_;
  const RecomputeChoice& choice_;
  size_t forward_nodes_ = 0;
  std::vector<Source> source_;
};

// The forward function under construction: results, then saved values as they are asked for.
class ForwardCut {
 public:
  ForwardCut(const Function& function, const JointFunction& joint)
      : target_(std::make_shared<Function>(function.name())), copy_(function, *target_) {
    joint_to_source_.assign(joint.function->values().size(), kNoValue);
    for (size_t i = 0; i < function.inputs().size(); ++i) {
      joint_to_source_[joint.function->inputs()[i].value] = function.inputs()[i].value;
    }
    for (size_t i = 0; i < function.nodes().size(); ++i) {
      const Node& node = function.nodes()[i];
      for (size_t k = 0; k < node.outputs.size(); ++k) {
        joint_to_source_[joint.function->nodes()[i].outputs[k]] = node.outputs[k];
      }
    }
  }

  absl::Status CopyAll(const Function& function) {
    for (const FunctionInput& input : function.inputs()) copy_.CopyInput(input);
    for (const Node& node : function.nodes()) RETURN_IF_ERROR(copy_.CopyNode(node));
    for (const FunctionOutput& output : function.outputs()) {
      output_of_.try_emplace(copy_(output.value), static_cast<int>(target_->outputs().size()));
      target_->AddOutput(output.name, copy_(output.value), output.kind, output.weight);
    }
    return absl::OkStatus();
  }

  // Index of the output that carries this forward value of the joint function.
  int OutputFor(ValueId joint_value) {
    const ValueId value = copy_(joint_to_source_[joint_value]);
    const auto [it, is_new] =
        output_of_.try_emplace(value, static_cast<int>(target_->outputs().size()));
    if (is_new) target_->AddOutput(absl::StrCat("saved/", it->second), value);
    return it->second;
  }

  std::shared_ptr<Function> target() const { return target_; }

 private:
  std::shared_ptr<Function> target_;
  Copier copy_;
  std::vector<ValueId> joint_to_source_;
  std::map<ValueId, int> output_of_;
};

// Writes one backward function: the slice of the joint function that yields the wanted gradients.
class BackwardCut {
 public:
  BackwardCut(const JointFunction& joint, const Availability& available, ForwardCut& forward,
              std::string name)
      : joint_(joint),
        source_(*joint.function),
        available_(available),
        forward_(forward),
        target_(std::make_shared<Function>(std::move(name))),
        copy_(source_, *target_) {
    producer_.assign(source_.values().size(), -1);
    for (size_t i = 0; i < source_.nodes().size(); ++i) {
      for (ValueId id : source_.nodes()[i].outputs) producer_[id] = static_cast<int>(i);
    }
    result_.gradient_outputs.assign(joint.forward_input_count, -1);
  }

  // Values of another cut that may be taken instead of computed: joint value -> its output index.
  void TakePassed(const std::map<ValueId, int>& passed) { passed_ = passed; }

  // Emits all nodes needed for `roots`, gradient nodes in joint order, forward values on demand.
  absl::Status EmitFor(const std::vector<ValueId>& roots) {
    std::vector<bool> wanted(source_.values().size(), false);
    for (ValueId root : roots) wanted[root] = true;
    std::vector<size_t> nodes;
    for (size_t i = source_.nodes().size(); i-- > 0;) {
      const Node& node = source_.nodes()[i];
      if (node.color == NodeColor::kForward) continue;
      bool any = false;
      for (ValueId id : node.outputs) any = any || (wanted[id] && !passed_.contains(id));
      if (!any) continue;
      for (ValueId id : node.inputs) wanted[id] = true;
      nodes.push_back(i);
    }
    for (size_t k = nodes.size(); k-- > 0;) RETURN_IF_ERROR(Emit(nodes[k]));
    for (ValueId root : roots) RETURN_IF_ERROR(Provide(root));
    return absl::OkStatus();
  }

  bool Computes(ValueId value) const {
    return copy_.IsMapped(value) && available_.source(value) == Availability::Source::kComputed &&
           producer_[value] >= 0 && !passed_.contains(value);
  }

  int AddOutput(std::string name, ValueId joint_value) {
    target_->AddOutput(std::move(name), copy_(joint_value));
    return static_cast<int>(target_->outputs().size()) - 1;
  }

  absl::Status AddGradient(size_t input, const OpTable& ops, bool accumulate) {
    const ValueId gradient = copy_(joint_.gradients[input]);
    const FunctionInput& formal = source_.inputs()[input];
    const std::string name = absl::StrCat("gradient/", formal.name);
    ValueId value = gradient;
    if (accumulate && formal.kind == InputKind::kParam) {
      const ValueId sum = target_->AddInput(absl::StrCat("sum/", formal.name),
                                            InputKind::kArgument, target_->type(gradient));
      result_.inputs.push_back({BackwardInput::kAccumulator, static_cast<int>(input)});
      Graph graph(ops, *target_);
      value = graph.Add(sum, gradient);
      RETURN_IF_ERROR(graph.status());
    }
    result_.gradient_outputs[input] = static_cast<int>(target_->outputs().size());
    target_->AddOutput(name, value);
    return absl::OkStatus();
  }

  BackwardFunction Finish() {
    result_.function = target_;
    return std::move(result_);
  }

 private:
  absl::Status Emit(size_t node_index) {
    const Node& node = source_.nodes()[node_index];
    if (copy_.IsMapped(node.outputs[0])) return absl::OkStatus();
    for (ValueId id : node.inputs) RETURN_IF_ERROR(Provide(id));
    return copy_.CopyNode(node);
  }

  ValueId AddInput(ValueId joint_value, std::string name, BackwardInput input,
                   InputKind kind = InputKind::kArgument, ParamSpec spec = {}) {
    const ValueId id =
        target_->AddInput(std::move(name), kind, source_.type(joint_value), std::move(spec));
    result_.inputs.push_back(input);
    copy_.Map(joint_value, id);
    return id;
  }

  absl::Status Provide(ValueId id) {
    if (copy_.IsMapped(id)) return absl::OkStatus();
    if (const auto it = passed_.find(id); it != passed_.end()) {
      AddInput(id, absl::StrCat("passed/", it->second), {BackwardInput::kPassed, it->second});
      return absl::OkStatus();
    }
    switch (available_.source(id)) {
      case Availability::Source::kInput: {
        const int index = source_.value(id).output;
        const FunctionInput& formal = source_.inputs()[index];
        AddInput(id, formal.name, {BackwardInput::kForwardInput, index}, formal.kind, formal.param);
        return absl::OkStatus();
      }
      case Availability::Source::kKept: {
        const int index = forward_.OutputFor(id);
        AddInput(id, absl::StrCat("saved/", index), {BackwardInput::kForwardOutput, index});
        return absl::OkStatus();
      }
      case Availability::Source::kRecomputed:
        return Emit(producer_[id]);
      case Availability::Source::kComputed:
        break;
    }
    if (producer_[id] >= 0) return Emit(producer_[id]);
    const int input = source_.value(id).output;
    for (size_t k = 0; k < joint_.cotangent_inputs.size(); ++k) {
      if (joint_.cotangent_inputs[k] != input) continue;
      AddInput(id, source_.inputs()[input].name,
               {BackwardInput::kCotangent, static_cast<int>(k)});
      return absl::OkStatus();
    }
    return absl::InternalError(absl::StrCat("cut of '", source_.name(), "': no source for %", id));
  }

  const JointFunction& joint_;
  const Function& source_;
  const Availability& available_;
  ForwardCut& forward_;
  std::shared_ptr<Function> target_;
  Copier copy_;
  std::vector<int> producer_;
  std::map<ValueId, int> passed_;
  BackwardFunction result_;
};

std::vector<size_t> GradientInputs(const JointFunction& joint, bool params, bool others) {
  std::vector<size_t> inputs;
  for (size_t i = 0; i < joint.forward_input_count; ++i) {
    if (joint.gradients[i] == kNoValue) continue;
    const bool is_param = joint.function->inputs()[i].kind == InputKind::kParam;
    if (is_param ? params : others) inputs.push_back(i);
  }
  return inputs;
}

std::vector<ValueId> Roots(const JointFunction& joint, const std::vector<size_t>& inputs) {
  std::vector<ValueId> roots;
  for (size_t i : inputs) roots.push_back(joint.gradients[i]);
  return roots;
}

absl::StatusOr<BackwardFunction> CutWhole(const JointFunction& joint, const Availability& available,
                                          ForwardCut& forward, const OpTable& ops,
                                          const CutOptions& options) {
  BackwardCut cut(joint, available, forward, absl::StrCat(joint.function->name(), "_backward"));
  const std::vector<size_t> inputs = GradientInputs(joint, true, true);
  RETURN_IF_ERROR(cut.EmitFor(Roots(joint, inputs)));
  for (size_t i : inputs) RETURN_IF_ERROR(cut.AddGradient(i, ops, options.accumulate));
  return cut.Finish();
}

absl::Status CutApart(const JointFunction& joint, const Availability& available,
                      ForwardCut& forward, const OpTable& ops, const CutOptions& options,
                      CutFunctions& result) {
  const std::string& name = joint.function->name();
  BackwardCut first(joint, available, forward, absl::StrCat(name, "_input_gradient"));
  const std::vector<size_t> others = GradientInputs(joint, false, true);
  RETURN_IF_ERROR(first.EmitFor(Roots(joint, others)));
  for (size_t i : others) RETURN_IF_ERROR(first.AddGradient(i, ops, false));
  // What the weight gradient needs and the input gradient has already computed is passed on.
  const std::vector<size_t> params = GradientInputs(joint, true, false);
  std::map<ValueId, int> passed;
  std::vector<ValueId> frontier = Roots(joint, params);
  std::vector<bool> seen(joint.function->values().size(), false);
  while (!frontier.empty()) {
    const ValueId id = frontier.back();
    frontier.pop_back();
    if (seen[id]) continue;
    seen[id] = true;
    if (first.Computes(id)) {
      passed[id] = first.AddOutput(absl::StrCat("passed/", passed.size()), id);
      continue;
    }
    const int node = joint.function->value(id).node;
    if (node < 0 || joint.function->nodes()[node].color == NodeColor::kForward) continue;
    for (ValueId input : joint.function->nodes()[node].inputs) frontier.push_back(input);
  }
  BackwardCut second(joint, available, forward, absl::StrCat(name, "_weight_gradient"));
  second.TakePassed(passed);
  RETURN_IF_ERROR(second.EmitFor(Roots(joint, params)));
  for (size_t i : params) RETURN_IF_ERROR(second.AddGradient(i, ops, options.accumulate));
  result.input_gradient = first.Finish();
  result.weight_gradient = second.Finish();
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<RecomputePolicy> RecomputePolicyFromName(std::string_view name) {
  if (name == "none") return RecomputePolicy::kNone;
  if (name == "selective") return RecomputePolicy::kSelective;
  if (name == "full") return RecomputePolicy::kFull;
  return absl::InvalidArgumentError(
      absl::StrCat("recompute policy: expected none, selective or full, got '", name, "'"));
}

absl::StatusOr<CutFunctions> Cut(const Function& function, const JointFunction& joint,
                                 const OpTable& ops, const CutOptions& options) {
  const Availability available(function, joint, options.recompute);
  ForwardCut forward(function, joint);
  RETURN_IF_ERROR(forward.CopyAll(function));
  CutFunctions result;
  if (options.separate_weight_gradient) {
    RETURN_IF_ERROR(CutApart(joint, available, forward, ops, options, result));
  } else {
    ASSIGN_OR_RETURN(result.backward, CutWhole(joint, available, forward, ops, options));
  }
  result.forward = forward.target();
  return result;
}

}  // namespace tessera
