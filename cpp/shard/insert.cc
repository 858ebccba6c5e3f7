#include "cpp/shard/insert.h"

#include <algorithm>
#include <map>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "cpp/base/status_macros.h"
#include "cpp/ops/collective.h"
#include "cpp/shard/rule.h"

namespace tessera {
namespace {

std::string NodeText(const Function& function, size_t index) {
  return absl::StrCat("function '", function.name(), "', node ", index);
}

absl::Status At(const Function& function, size_t index, const absl::Status& status) {
  return absl::Status(status.code(),
                      absl::StrCat(NodeText(function, index), ": ", status.message()));
}

std::vector<ValueType> TypesOf(const Function& function, const std::vector<ValueId>& values) {
  std::vector<ValueType> types;
  for (ValueId id : values) types.push_back(function.type(id));
  return types;
}

// Axes that share a dim cut it in their order, the first one the coarsest. So while a later axis
// keeps its cut, an earlier one can neither join its parts nor cut: the axis that has to give way,
// or -1.
int FirstOutOfOrder(const Layout& from, const Layout& to) {
  for (size_t a = 0; a < from.size(); ++a) {
    if (from[a] == to[a] || (!from[a].is_sharded() && !to[a].is_sharded())) continue;
    const bool joins = from[a].is_sharded();
    const int dim = joins ? from[a].dim : to[a].dim;
    for (size_t b = a + 1; b < from.size(); ++b) {
      if (to[b] == Placement::Sharded(dim) && from[b] == to[b]) {
        return static_cast<int>(joins ? b : a);
      }
    }
  }
  return -1;
}

class Inserter {
 public:
  Inserter(const Function& source, const OpTable& ops, const Mesh& mesh,
           const InsertOptions& options)
      : source_(source), ops_(ops), mesh_(mesh), options_(options),
        parts_(source.values().size(), kNoValue), layouts_(source.values().size()) {
    result_.function = std::make_shared<Function>(source.name());
  }

  absl::StatusOr<ShardedFunction> Run() {
    RETURN_IF_ERROR(mesh_.Validate());
    RETURN_IF_ERROR(AddInputs());
    for (size_t n = 0; n < source_.nodes().size(); ++n) {
      const absl::Status status = AddNode(static_cast<int>(n), source_.nodes()[n]);
      if (!status.ok()) return At(source_, n, status);
    }
    RETURN_IF_ERROR(AddOutputs());
    RETURN_IF_ERROR(VerifyLayouts(source_, result_, mesh_));
    return std::move(result_);
  }

 private:
  absl::Status CheckLayout(const Layout& layout, std::string_view what) const {
    if (layout.size() == mesh_.axes.size()) return absl::OkStatus();
    return absl::InvalidArgumentError(absl::StrCat(what, ": expected a layout of ",
                                                   mesh_.axes.size(), " placements, got ",
                                                   ToText(layout)));
  }

  absl::Status AddInputs() {
    if (options_.inputs.size() != source_.inputs().size()) {
      return absl::InvalidArgumentError(
          absl::StrCat("function '", source_.name(), "': expected ", source_.inputs().size(),
                       " layouts of inputs, got ", options_.inputs.size()));
    }
    for (size_t i = 0; i < source_.inputs().size(); ++i) {
      const FunctionInput& input = source_.inputs()[i];
      const Layout& layout = options_.inputs[i];
      RETURN_IF_ERROR(CheckLayout(layout, absl::StrCat("input '", input.name, "'")));
      for (size_t a = 0; a < layout.size(); ++a) {
        ASSIGN_OR_RETURN(const Placement share, GivenPlacement(source_.type(input.value),
                                                               mesh_.axes[a]));
        if (!share.is_sharded() || share == layout[a]) continue;
        return absl::InvalidArgumentError(absl::StrCat(
            "input '", input.name, "' ", source_.type(input.value).ToText(), " on axis '",
            mesh_.axes[a].name, "': expected ", share.ToText(), " for a rank's share, got ",
            layout[a].ToText()));
      }
      ASSIGN_OR_RETURN(const ValueType part, PartType(source_.type(input.value), layout, mesh_));
      parts_[input.value] =
          result_.function->AddInput(input.name, input.kind, part, input.param);
      layouts_[input.value] = layout;
      result_.layouts.push_back(layout);
    }
    return absl::OkStatus();
  }

  // Plans one node on every axis, brings its operands there, and adds it.
  absl::Status AddNode(int index, const Node& node) {
    if (node.is_call()) {
      return absl::InvalidArgumentError(
          absl::StrCat("expected a flat function, got a call of '", node.callee->name(), "'"));
    }
    const std::vector<ValueType> inputs = TypesOf(source_, node.inputs);
    const std::vector<ValueType> outputs = TypesOf(source_, node.outputs);
    const RuleUse use{*node.op, inputs, node.attrs, outputs};
    ASSIGN_OR_RETURN(const NodePlan plan, PlanNode(node, use));
    const std::vector<Layout>&wanted = plan.inputs, &results = plan.outputs;
    std::vector<ValueId> operands;
    for (size_t i = 0; i < wanted.size(); ++i) {
      ASSIGN_OR_RETURN(operands.emplace_back(), Brought(node.inputs[i], wanted[i]));
    }
    std::vector<ValueType> parts;
    for (size_t o = 0; o < results.size(); ++o) {
      ASSIGN_OR_RETURN(parts.emplace_back(), PartType(outputs[o], results[o], mesh_));
    }
    ASSIGN_OR_RETURN(const std::vector<ValueId> added,
                     result_.function->AddNode(*node.op, PartAttrs(node, parts), operands));
    for (size_t o = 0; o < added.size(); ++o) {
      if (result_.function->type(added[o]) != parts[o]) {
        return absl::InvalidArgumentError(absl::StrCat(
            node.op->name(), ": expected ", parts[o].ToText(), " for a rank's part of ",
            outputs[o].ToText(), ", got ", result_.function->type(added[o]).ToText(),
            "; an attribute gives the whole size of a sharded dim"));
      }
      parts_[node.outputs[o]] = added[o];
      layouts_[node.outputs[o]] = results[o];
      result_.layouts.push_back(results[o]);
    }
    result_.source_nodes.push_back(index);
    result_.function->SetColor(result_.function->nodes().size() - 1, node.color);
    return absl::OkStatus();
  }

  struct NodePlan {
    std::vector<Layout> inputs, outputs;
  };

  // Plans all axes; where they get into each other's way, an operand is made whole on one of them
  // and all are planned again.
  absl::StatusOr<NodePlan> PlanNode(const Node& node, const RuleUse& use) const {
    const size_t axes = mesh_.axes.size();
    std::vector<std::vector<bool>> is_whole(node.inputs.size(), std::vector<bool>(axes, false));
    for (;;) {
      NodePlan plan{std::vector<Layout>(node.inputs.size()),
                    std::vector<Layout>(node.outputs.size())};
      for (size_t a = 0; a < axes; ++a) {
        std::vector<Placement> given;
        for (size_t i = 0; i < node.inputs.size(); ++i) {
          const Placement& placement = layouts_[node.inputs[i]][a];
          given.push_back(is_whole[i][a] && !placement.is_offset() ? Placement() : placement);
        }
        ASSIGN_OR_RETURN(const OperandPlan one, PlanOperands(use, given, mesh_.axes[a]));
        for (size_t i = 0; i < one.inputs.size(); ++i) plan.inputs[i].push_back(one.inputs[i]);
        for (size_t o = 0; o < one.outputs.size(); ++o) plan.outputs[o].push_back(one.outputs[o]);
      }
      if (!MakeWhole(node, use, plan, is_whole)) return plan;
    }
  }

  // Finds what is in the way and marks it; false when nothing is. Every call marks something new.
  bool MakeWhole(const Node& node, const RuleUse& use, const NodePlan& plan,
                 std::vector<std::vector<bool>>& is_whole) const {
    const size_t axes = mesh_.axes.size();
    for (size_t i = 0; i < plan.inputs.size(); ++i) {
      const int axis = FirstOutOfOrder(layouts_[node.inputs[i]], plan.inputs[i]);
      if (axis < 0) continue;
      is_whole[i][axis] = true;
      return true;
    }
    // What each axis divides alone, all together may not: the later one keeps it whole.
    for (size_t a = axes; a-- > 1;) {
      if (Divide(use.inputs, plan.inputs) && Divide(use.outputs, plan.outputs)) return false;
      bool any = false;
      for (size_t i = 0; i < plan.inputs.size(); ++i) {
        any = any || (!is_whole[i][a] && !plan.inputs[i][a].is_replicated());
        is_whole[i][a] = true;
      }
      if (any) return true;
    }
    return false;
  }

  bool Divide(absl::Span<const ValueType> types, const std::vector<Layout>& layouts) const {
    for (size_t i = 0; i < types.size(); ++i) {
      if (!PartType(types[i], layouts[i], mesh_).ok()) return false;
    }
    return true;
  }

  // The text attribute `shape` states all dims of the only result: that of the part.
  static Attrs PartAttrs(const Node& node, const std::vector<ValueType>& parts) {
    Attrs attrs = node.attrs;
    for (const AttrSpec& spec : node.op->attr_specs()) {
      if (spec.name != "shape" || spec.kind != AttrSpec::kText || parts.size() != 1) continue;
      const std::string text = ToText(parts[0].dims);
      attrs.Set("shape", text.substr(1, text.size() - 2));
    }
    return attrs;
  }

  // The value in that layout: as it is, or behind collectives, once for all its readers.
  absl::StatusOr<ValueId> Brought(ValueId id, const Layout& wanted) {
    const auto [it, is_new] = brought_.try_emplace({id, wanted}, kNoValue);
    if (!is_new) return it->second;
    ValueId part = parts_[id];
    Layout layout = layouts_[id];
    if (FirstOutOfOrder(layout, wanted) >= 0) {
      return absl::InvalidArgumentError(absl::StrCat("layout ", ToText(wanted),
                                                     ": expected axes of one dim to be joined from "
                                                     "the last one, got it from ",
                                                     ToText(layout)));
    }
    // Joined from the minor axis up, divided from the major axis down.
    for (const bool is_last : {false, true}) {
      for (size_t step = 0; step < layout.size(); ++step) {
        const size_t a = is_last ? step : layout.size() - 1 - step;
        if (layout[a] == wanted[a] || wanted[a].is_sharded() != is_last) continue;
        ASSIGN_OR_RETURN(part, Collective(part, layout[a], wanted[a], mesh_.axes[a]));
        layout[a] = wanted[a];
        result_.layouts.push_back(layout);
      }
    }
    brought_[{id, wanted}] = part;
    return part;
  }

  absl::StatusOr<ValueId> Collective(ValueId part, const Placement& from, const Placement& to,
                                     const MeshAxis& axis) {
    std::string name;
    Attrs attrs{{"axis", axis.name}};
    const Dims& dims = result_.function->type(part).dims;
    if (from.is_sharded() && axis.IsShare(dims[static_cast<size_t>(from.dim)])) {
      return absl::InvalidArgumentError(
          absl::StrCat("axis '", axis.name, "': expected ", from.ToText(), ", got ", to.ToText(),
                       "; dim ", dims[static_cast<size_t>(from.dim)].ToText(),
                       " of a symbolic batch is never whole"));
    }
    if (from.is_partial() && to.is_replicated()) {
      name = kAllReduce;
      attrs.Set("reduce", std::string(from.partial == PartialKind::kSum ? "sum" : "max"));
    } else if (from.is_sharded() && to.is_replicated()) {
      name = kAllGather;
      attrs.Set("dim", static_cast<int64_t>(from.dim));
      attrs.Set("ranks", axis.size);
    } else if (from == Placement::Partial() && to.is_sharded()) {
      name = kReduceScatter;
      attrs.Set("dim", static_cast<int64_t>(to.dim));
      attrs.Set("ranks", axis.size);
    } else {
      return absl::InvalidArgumentError(
          absl::StrCat("axis '", axis.name, "': expected R, or S from P(sum), as what ",
                       from.ToText(), " becomes, got ", to.ToText()));
    }
    ASSIGN_OR_RETURN(const OpDef* op, ops_.Get(name));
    ASSIGN_OR_RETURN(const std::vector<ValueId> added,
                     result_.function->AddNode(*op, std::move(attrs), {part}));
    result_.source_nodes.push_back(-1);
    return added[0];
  }

  absl::Status AddOutputs() {
    const bool given = !options_.outputs.empty();
    if (given && options_.outputs.size() != source_.outputs().size()) {
      return absl::InvalidArgumentError(
          absl::StrCat("function '", source_.name(), "': expected ", source_.outputs().size(),
                       " layouts of outputs, got ", options_.outputs.size()));
    }
    for (size_t i = 0; i < source_.outputs().size(); ++i) {
      const FunctionOutput& output = source_.outputs()[i];
      Layout wanted = given ? options_.outputs[i] : Layout();
      if (wanted.empty()) wanted = layouts_[output.value];
      RETURN_IF_ERROR(CheckLayout(wanted, absl::StrCat("output '", output.name, "'")));
      const absl::StatusOr<ValueId> part = Brought(output.value, wanted);
      if (!part.ok()) {
        return absl::Status(part.status().code(), absl::StrCat("output '", output.name, "': ",
                                                               part.status().message()));
      }
      result_.function->AddOutput(output.name, *part, output.kind, output.weight);
    }
    return absl::OkStatus();
  }

  const Function& source_;
  const OpTable& ops_;
  const Mesh& mesh_;
  const InsertOptions& options_;
  ShardedFunction result_;
  std::vector<ValueId> parts_;     // per value of the source
  std::vector<Layout> layouts_;    // per value of the source, before collectives
  std::map<std::pair<ValueId, Layout>, ValueId> brought_;
};

// One node on every axis. `source`: the same node of the function of whole values, or nullptr for a
// collective, whose rule asks for no types.
absl::Status VerifyNode(const Function& source, const Node* source_node,
                        const ShardedFunction& sharded, const Node& node, const Mesh& mesh) {
  const bool is_whole = source_node != nullptr;
  const Function& typed = is_whole ? source : *sharded.function;
  const Node& stated = is_whole ? *source_node : node;
  RET_CHECK(node.op == stated.op && node.op != nullptr);
  if (!is_whole && FirstOutOfOrder(sharded.layouts[node.inputs[0]],
                                   sharded.layouts[node.outputs[0]]) >= 0) {
    return absl::InternalError(absl::StrCat(node.op->name(), ": ",
                                            ToText(sharded.layouts[node.inputs[0]]), " to ",
                                            ToText(sharded.layouts[node.outputs[0]]),
                                            " while a later axis shares the dim"));
  }
  const std::vector<ValueType> inputs = TypesOf(typed, stated.inputs);
  const std::vector<ValueType> outputs = TypesOf(typed, stated.outputs);
  const RuleUse use{*node.op, inputs, stated.attrs, outputs, /*are_parts=*/!is_whole};
  for (size_t a = 0; a < mesh.axes.size(); ++a) {
    std::vector<Placement> given;
    for (ValueId id : node.inputs) given.push_back(sharded.layouts[id][a]);
    ASSIGN_OR_RETURN(const std::vector<Placement> derived,
                     InferPlacements(use, given, mesh.axes[a]));
    for (size_t o = 0; o < derived.size(); ++o) {
      const Placement& placement = sharded.layouts[node.outputs[o]][a];
      if (placement == derived[o]) continue;
      return absl::InternalError(absl::StrCat(
          node.op->name(), ": result ", o, " ", outputs[o].ToText(), " on axis '",
          mesh.axes[a].name, "': expected ", derived[o].ToText(), ", got ",
          placement.ToText()));
    }
  }
  return absl::OkStatus();
}

// The part of each value must have the type that its layout gives.
absl::Status VerifyPart(const ValueType& whole, const ShardedFunction& sharded, ValueId id,
                        const Mesh& mesh) {
  ASSIGN_OR_RETURN(const ValueType part, PartType(whole, sharded.layouts[id], mesh));
  if (sharded.function->type(id) == part) return absl::OkStatus();
  return absl::InternalError(absl::StrCat("value ", id, ": expected ", part.ToText(), ", got ",
                                          sharded.function->type(id).ToText()));
}

}  // namespace

int ShardedFunction::collectives() const {
  return static_cast<int>(std::count(source_nodes.begin(), source_nodes.end(), -1));
}

absl::StatusOr<ShardedFunction> InsertCollectives(const Function& function, const OpTable& ops,
                                                  const Mesh& mesh, const InsertOptions& options) {
  return Inserter(function, ops, mesh, options).Run();
}

absl::Status VerifyLayouts(const Function& source, const ShardedFunction& sharded,
                           const Mesh& mesh) {
  const Function& function = *sharded.function;
  RET_CHECK_EQ(sharded.layouts.size(), function.values().size());
  RET_CHECK_EQ(sharded.source_nodes.size(), function.nodes().size());
  RET_CHECK_EQ(function.inputs().size(), source.inputs().size());
  for (const Layout& layout : sharded.layouts) RET_CHECK_EQ(layout.size(), mesh.axes.size());
  for (size_t i = 0; i < function.inputs().size(); ++i) {
    const FunctionInput& input = function.inputs()[i];
    const ValueType& whole = source.type(source.inputs()[i].value);
    RETURN_IF_ERROR(VerifyPart(whole, sharded, input.value, mesh));
    for (size_t a = 0; a < mesh.axes.size(); ++a) {
      ASSIGN_OR_RETURN(const Placement share, GivenPlacement(whole, mesh.axes[a]));
      const Placement& placement = sharded.layouts[input.value][a];
      if (!share.is_sharded() || share == placement) continue;
      return absl::InternalError(absl::StrCat("input '", input.name, "' on axis '",
                                              mesh.axes[a].name, "': expected ", share.ToText(),
                                              ", got ", placement.ToText()));
    }
  }
  for (size_t n = 0; n < function.nodes().size(); ++n) {
    const Node& node = function.nodes()[n];
    const int from = sharded.source_nodes[n];
    const Node* source_node = from < 0 ? nullptr : &source.nodes()[from];
    absl::Status status = VerifyNode(source, source_node, sharded, node, mesh);
    for (size_t o = 0; status.ok() && source_node != nullptr && o < node.outputs.size(); ++o) {
      status = VerifyPart(source.type(source_node->outputs[o]), sharded, node.outputs[o], mesh);
    }
    if (status.ok()) continue;
    return absl::InternalError(absl::StrCat(NodeText(function, n), ": ", status.message()));
  }
  return absl::OkStatus();
}

}  // namespace tessera
