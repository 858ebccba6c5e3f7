#include "cpp/autodiff/differentiate.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "cpp/base/status_macros.h"
#include "cpp/ir/copier.h"
#include "cpp/ir/gradient_context.h"

namespace tessera {
namespace {

// Marks the values through which a gradient can flow from the active inputs.
std::vector<bool> ActiveValues(const Function& function, const std::vector<bool>& active_inputs) {
  std::vector<bool> active(function.values().size(), false);
  for (size_t i = 0; i < active_inputs.size(); ++i) {
    const ValueId id = function.inputs()[i].value;
    active[id] = active_inputs[i] && IsFloat(function.type(id).dtype);
  }
  for (const Node& node : function.nodes()) {
    if (node.op == nullptr || node.op->no_gradient()) continue;
    bool any = false;
    for (ValueId id : node.inputs) any = any || active[id];
    if (!any) continue;
    for (ValueId id : node.outputs) active[id] = IsFloat(function.type(id).dtype);
  }
  return active;
}

// Runs the backward sweep over a copy of the function.
class Sweep {
 public:
  Sweep(const Function& source, const OpTable& ops, std::shared_ptr<Function> joint,
        std::vector<bool> active)
      : joint_(std::move(joint)),
        graph_(ops, *joint_),
        forward_nodes_(source.nodes().size()),
        active_(std::move(active)),
        wide_(joint_->values().size(), false) {
    MarkWide();
  }

  void AddCotangent(ValueId value, ValueId cotangent) {
    Contributions(value).push_back(cotangent);
  }

  absl::Status Run() {
    for (size_t i = forward_nodes_; i-- > 0;) RETURN_IF_ERROR(Visit(i));
    return graph_.status();
  }

  // The whole gradient of a value; kNoValue when nothing contributes.
  ValueId Total(ValueId value) {
    std::vector<ValueId> parts = Contributions(value);
    if (parts.empty() || !graph_.ok()) return kNoValue;
    const DType dtype = WantedDType(value);
    // The sweep meets uses last first; sums are in the order of the forward text.
    std::reverse(parts.begin(), parts.end());
    for (ValueId& part : parts) part = graph_.Cast(part, dtype);
    if (parts.size() == 1) return parts[0];
    const ValueId sum = graph_.Op("add_n", parts);
    Contributions(value) = {sum};
    return sum;
  }

  Graph& graph() { return graph_; }

 private:
  std::vector<ValueId>& Contributions(ValueId value) {
    if (contributions_.size() <= static_cast<size_t>(value)) contributions_.resize(value + 1);
    return contributions_[value];
  }

  // Parameters, and views of them, get gradients in the accumulation dtype.
  void MarkWide() {
    for (const FunctionInput& input : joint_->inputs()) {
      wide_[input.value] = input.kind == InputKind::kParam;
    }
    for (size_t i = 0; i < forward_nodes_; ++i) {
      const Node& node = joint_->nodes()[i];
      if (node.op->is_view()) wide_[node.outputs[0]] = wide_[node.inputs[0]];
    }
  }

  DType WantedDType(ValueId value) const {
    const DType dtype = joint_->type(value).dtype;
    return static_cast<size_t>(value) < wide_.size() && wide_[value] ? GradientDType(dtype)
                                                                     : dtype;
  }

  absl::Status Visit(size_t index) {
    const Node node = joint_->nodes()[index];
    std::vector<bool> needs;
    bool any_need = false;
    for (ValueId id : node.inputs) {
      needs.push_back(active_[id]);
      any_need = any_need || active_[id];
    }
    if (!any_need || node.op->no_gradient()) return absl::OkStatus();
    std::vector<ValueId> cotangents;
    bool any_cotangent = false;
    for (ValueId id : node.outputs) {
      cotangents.push_back(Total(id));
      any_cotangent = any_cotangent || cotangents.back() != kNoValue;
    }
    RETURN_IF_ERROR(graph_.status());
    if (!any_cotangent) return absl::OkStatus();
    if (!node.op->has_gradient()) {
      return absl::UnimplementedError(
          absl::StrCat("op '", node.op->name(), "' in function '", joint_->name(),
                       "' has no gradient rule; freeze what feeds it or use other ops"));
    }
    std::vector<DType> dtypes;
    for (ValueId id : node.inputs) dtypes.push_back(WantedDType(id));
    GradientContext context(graph_, node, std::move(cotangents), needs, std::move(dtypes));
    RETURN_IF_ERROR(node.op->gradient()(context));
    RETURN_IF_ERROR(graph_.status());
    // Later operands first: Total reverses.
    for (size_t i = node.inputs.size(); i-- > 0;) {
      const ValueId gradient = context.gradients()[i];
      if (!needs[i] || gradient == kNoValue) continue;
      RET_CHECK(joint_->type(gradient).dims == joint_->type(node.inputs[i]).dims)
          << "gradient of '" << node.op->name() << "' for operand " << i << " is "
          << joint_->type(gradient).ToText() << ", expected dims of "
          << joint_->type(node.inputs[i]).ToText();
      AddCotangent(node.inputs[i], gradient);
    }
    return absl::OkStatus();
  }

  std::shared_ptr<Function> joint_;
  Graph graph_;
  size_t forward_nodes_;
  std::vector<bool> active_;
  std::vector<bool> wide_;
  std::vector<std::vector<ValueId>> contributions_;
};

// Values needed to compute `roots`, as a mark per value.
std::vector<bool> NeededFor(const Function& function, const std::vector<ValueId>& roots) {
  std::vector<bool> needed(function.values().size(), false);
  for (ValueId root : roots) {
    if (root != kNoValue) needed[root] = true;
  }
  for (size_t i = function.nodes().size(); i-- > 0;) {
    const Node& node = function.nodes()[i];
    bool any = false;
    for (ValueId id : node.outputs) any = any || needed[id];
    if (!any) continue;
    for (ValueId id : node.inputs) needed[id] = true;
  }
  return needed;
}

void Colour(const Function& source, size_t forward_nodes, const std::vector<ValueId>& gradients,
            Function& joint) {
  std::vector<ValueId> roots;
  for (size_t i = 0; i < gradients.size(); ++i) {
    if (source.inputs()[i].kind != InputKind::kParam) roots.push_back(gradients[i]);
  }
  const std::vector<bool> for_inputs = NeededFor(joint, roots);
  for (size_t i = forward_nodes; i < joint.nodes().size(); ++i) {
    bool any = false;
    for (ValueId id : joint.nodes()[i].outputs) any = any || for_inputs[id];
    joint.SetColor(i, any ? NodeColor::kInputGradient : NodeColor::kWeightGradient);
  }
}

}  // namespace

DType GradientDType(DType dtype) {
  return dtype == DType::kBF16 || dtype == DType::kF16 ? DType::kF32 : dtype;
}

std::vector<bool> ActiveOutputs(const Function& function, const std::vector<bool>& active_inputs) {
  const std::vector<bool> active = ActiveValues(function, active_inputs);
  std::vector<bool> outputs;
  for (const FunctionOutput& output : function.outputs()) outputs.push_back(active[output.value]);
  return outputs;
}

absl::StatusOr<JointFunction> Differentiate(const Function& function, const OpTable& ops,
                                            const std::vector<bool>& active_inputs,
                                            const std::vector<bool>& differentiated) {
  RET_CHECK_EQ(active_inputs.size(), function.inputs().size());
  RET_CHECK_EQ(differentiated.size(), function.outputs().size());
  auto joint = std::make_shared<Function>(function.name());
  Copier copy(function, *joint);
  for (const FunctionInput& input : function.inputs()) copy.CopyInput(input);
  for (const Node& node : function.nodes()) {
    RET_CHECK(!node.is_call()) << "differentiating '" << function.name() << "': not flat";
    RETURN_IF_ERROR(copy.CopyNode(node));
  }
  JointFunction result;
  result.forward_input_count = function.inputs().size();
  Sweep sweep(function, ops, joint, ActiveValues(*joint, active_inputs));
  for (size_t i = 0; i < function.outputs().size(); ++i) {
    const FunctionOutput& output = function.outputs()[i];
    const ValueId value = copy(output.value);
    result.results.push_back(value);
    result.cotangent_inputs.push_back(-1);
    if (!differentiated[i]) continue;
    result.cotangent_inputs.back() = static_cast<int>(joint->inputs().size());
    const ValueId cotangent = joint->AddInput(absl::StrCat("cotangent/", output.name),
                                              InputKind::kArgument, joint->type(value));
    sweep.AddCotangent(value, cotangent);
  }
  RETURN_IF_ERROR(sweep.Run());
  for (size_t i = 0; i < function.inputs().size(); ++i) {
    const ValueId value = copy(function.inputs()[i].value);
    result.gradients.push_back(active_inputs[i] ? sweep.Total(value) : kNoValue);
  }
  RETURN_IF_ERROR(sweep.graph().status());
  Colour(function, function.nodes().size(), result.gradients, *joint);
  result.function = std::move(joint);
  return result;
}

}  // namespace tessera
