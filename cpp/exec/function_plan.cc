#include "cpp/exec/function_plan.h"

#include <algorithm>
#include <map>

#include "absl/strings/str_cat.h"
#include "cpp/base/status_macros.h"
#include "cpp/exec/offset_plan.h"

namespace tessera {

absl::StatusOr<CallBinding> CallBinding::Of(const ProgramCall& call) {
  CallBinding binding;
  const int input_count = static_cast<int>(call.inputs.size());
  const auto first_input = [&call](int slot) {
    return static_cast<int>(std::find(call.inputs.begin(), call.inputs.end(), slot) -
                            call.inputs.begin());
  };
  for (int slot : call.inputs) binding.inputs.push_back(first_input(slot));
  for (size_t j = 0; j < call.outputs.size(); ++j) {
    const int slot = call.outputs[j];
    if (slot < 0) {
      binding.outputs.push_back(-1);
      continue;
    }
    if (std::find(call.outputs.begin(), call.outputs.begin() + j, slot) !=
        call.outputs.begin() + j) {
      return absl::InvalidArgumentError(
          absl::StrCat("call at '", call.at, "': two outputs are bound to slot ", slot));
    }
    const int input = first_input(slot);
    binding.outputs.push_back(input < input_count ? input : input_count + static_cast<int>(j));
  }
  return binding;
}

CallBinding CallBinding::Plain(const Function& function) {
  CallBinding binding;
  const size_t input_count = function.inputs().size();
  for (size_t i = 0; i < input_count; ++i) binding.inputs.push_back(static_cast<int>(i));
  for (size_t j = 0; j < function.outputs().size(); ++j) {
    binding.outputs.push_back(static_cast<int>(input_count + j));
  }
  return binding;
}

// Values that share memory form a class, named by its first value. A class is made by one node (or
// is a function input), and lies in a slot (base) or in the frame (base -1).
class FunctionPlanner {
 public:
  FunctionPlanner(FunctionRef function, const CallBinding& binding, const SymbolSizes& sizes,
                  const KernelTable& kernels, int isa)
      : function_(*function), binding_(binding), sizes_(sizes), kernels_(kernels), isa_(isa),
        input_count_(static_cast<int>(function_.inputs().size())),
        output_count_(static_cast<int>(function_.outputs().size())),
        end_(static_cast<int>(function_.nodes().size())),
        plan_(std::make_unique<FunctionPlan>()) {
    plan_->function_ = std::move(function);
    plan_->base_count_ = input_count_ + output_count_ + 1;
  }

  absl::StatusOr<std::unique_ptr<FunctionPlan>> Run() {
    RET_CHECK_EQ(binding_.inputs.size(), function_.inputs().size());
    RET_CHECK_EQ(binding_.outputs.size(), function_.outputs().size());
    RETURN_IF_ERROR(SizeValues());
    FindNeededNodes();
    RETURN_IF_ERROR(FindViews());
    RETURN_IF_ERROR(ChooseKernels());
    FindLifetimes();
    RETURN_IF_ERROR(PlaceOutputs());
    for (int n = 0; n < end_; ++n) {
      if (node_kernels_[n] != nullptr) ShareMemory(n);
    }
    RETURN_IF_ERROR(PlaceFrame());
    return Emit();
  }

 private:
  struct ValueClass {
    int def = -1;         // node that makes it; -1: there from the start
    int def_output = 0;
    int last = -1;        // last moment of use; end_ for copies after the nodes
    int base = -1;        // slot, or -1: frame
    bool is_input = false;
    int64_t offset = 0;
    int64_t bytes = 0;
    bool exists = false;
  };
  struct EndCopy {
    int source_class;
    int target_base;
  };

  std::string Where(int n) const {
    return absl::StrCat("function '", function_.name(), "', node ", n);
  }

  absl::Status SizeValues() {
    for (const Value& value : function_.values()) {
      absl::StatusOr<SizedType> sized = SizeType(value.type, sizes_);
      if (!sized.ok()) {
        return absl::Status(sized.status().code(),
                            absl::StrCat("function '", function_.name(), "': ",
                                         value.type.ToText(), ": ", sized.status().message()));
      }
      types_.push_back(*std::move(sized));
    }
    return absl::OkStatus();
  }

  void FindNeededNodes() {
    std::vector<bool> value_needed(types_.size(), false);
    needed_.assign(end_, false);
    for (int j = 0; j < output_count_; ++j) {
      if (binding_.outputs[j] >= 0) value_needed[function_.outputs()[j].value] = true;
    }
    for (int n = end_ - 1; n >= 0; --n) {
      const Node& node = function_.nodes()[n];
      for (ValueId id : node.outputs) {
        if (value_needed[id]) needed_[n] = true;
      }
      if (!needed_[n]) continue;
      for (ValueId id : node.inputs) value_needed[id] = true;
    }
  }

  absl::Status FindViews() {
    root_.resize(types_.size());
    for (size_t v = 0; v < root_.size(); ++v) root_[v] = static_cast<int>(v);
    for (int n = 0; n < end_; ++n) {
      const Node& node = function_.nodes()[n];
      if (!needed_[n]) continue;
      RET_CHECK(!node.is_call()) << Where(n) << " calls '" << node.callee->name()
                                 << "'; the executor takes flat functions";
      if (!node.op->is_view()) continue;
      const ValueId from = node.inputs[0], to = node.outputs[0];
      RET_CHECK(types_[from].bytes == types_[to].bytes)
          << Where(n) << " " << node.op->name() << ": a view of " << types_[from].ToText()
          << " as " << types_[to].ToText();
      root_[to] = root_[from];
    }
    return absl::OkStatus();
  }

  absl::Status ChooseKernels() {
    node_kernels_.resize(end_);
    for (int n = 0; n < end_; ++n) {
      const Node& node = function_.nodes()[n];
      if (!needed_[n] || node.op->is_view()) continue;
      std::vector<const SizedType*> inputs, outputs;
      for (ValueId id : node.inputs) inputs.push_back(&types_[id]);
      for (ValueId id : node.outputs) outputs.push_back(&types_[id]);
      absl::StatusOr<std::unique_ptr<PreparedKernel>> kernel =
          ChooseKernel(node, inputs, outputs, kernels_, isa_);
      if (!kernel.ok()) {
        return absl::Status(kernel.status().code(),
                            absl::StrCat(kernel.status().message(), " (", Where(n), ")"));
      }
      node_kernels_[n] = *std::move(kernel);
    }
    return absl::OkStatus();
  }

  void FindLifetimes() {
    classes_.resize(types_.size());
    base_last_read_.assign(input_count_, -1);
    for (int i = 0; i < input_count_; ++i) {
      const ValueId id = function_.inputs()[i].value;
      classes_[id] = {.base = binding_.inputs[i], .is_input = true, .bytes = types_[id].bytes,
                      .exists = true};
    }
    for (int n = 0; n < end_; ++n) {
      if (node_kernels_[n] == nullptr) continue;
      const Node& node = function_.nodes()[n];
      for (ValueId id : node.inputs) {
        ValueClass& read = classes_[root_[id]];
        read.last = n;
        if (read.is_input) base_last_read_[read.base] = n;
      }
      for (size_t o = 0; o < node.outputs.size(); ++o) {
        const ValueId id = node.outputs[o];
        classes_[id] = {.def = n, .def_output = static_cast<int>(o), .last = n,
                        .bytes = types_[id].bytes, .exists = true};
      }
    }
  }

  int Class(ValueId value) const { return WithoutMerges(root_[value]); }

  // The class whose memory this one took, or itself.
  int WithoutMerges(int c) const {
    for (auto it = merged_.find(c); it != merged_.end(); it = merged_.find(c)) c = it->second;
    return c;
  }

  // May output `o` of node n take the memory of operand k, if nothing else forbids it?
  bool MayShare(int n, int o, int k) const {
    const Node& node = function_.nodes()[n];
    const SizedType& in = types_[node.inputs[k]];
    const SizedType& out = types_[node.outputs[o]];
    if (in.dims != out.dims || SizeOf(in.dtype) != SizeOf(out.dtype)) return false;
    if (node.op->must_alias() && o == 0 && k == 0) return true;
    return AllowsInPlace(*node.op, *node_kernels_[n], o, k);
  }

  // May output `o` of node n be written over the slot of input base `base`?
  bool MayOverwriteInput(int n, int o, int base) const {
    if (base_last_read_[base] != n) return base_last_read_[base] < n;
    const Node& node = function_.nodes()[n];
    for (size_t k = 0; k < node.inputs.size(); ++k) {
      const ValueClass& read = classes_[root_[node.inputs[k]]];
      if (read.is_input && read.base == base && !MayShare(n, o, static_cast<int>(k))) return false;
    }
    return true;
  }

  bool IsWrittenByOther(int base, int own_output) const {
    for (int k = 0; k < output_count_; ++k) {
      if (k == own_output || binding_.outputs[k] != base) continue;
      const ValueClass& source = classes_[root_[function_.outputs()[k].value]];
      if (!source.is_input || source.base != base) return true;
    }
    return false;
  }

  absl::Status PlaceOutputs() {
    for (int j = 0; j < output_count_; ++j) {
      const int base = binding_.outputs[j];
      if (base < 0) continue;
      const int c = root_[function_.outputs()[j].value];
      ValueClass& source = classes_[c];
      RET_CHECK(source.exists) << "output '" << function_.outputs()[j].name << "' of '"
                               << function_.name() << "' has no value";
      if (source.is_input) {
        if (source.base == base) continue;
        const int from = IsWrittenByOther(source.base, j) ? CopyAtStart(c) : c;
        end_copies_.push_back({from, base});
      } else if (source.base < 0 &&
                 (base >= input_count_ ||
                  MayOverwriteInput(source.def, source.def_output, base))) {
        source.base = base;
        source.last = end_ + 1;  // never free again
      } else {
        source.last = std::max(source.last, end_);
        end_copies_.push_back({c, base});
      }
    }
    return absl::OkStatus();
  }

  // Keeps an input's value in the frame because its slot is overwritten on the way.
  int CopyAtStart(int input_class) {
    const int c = static_cast<int>(classes_.size());
    ValueClass copy = {.def = -1, .last = end_, .bytes = classes_[input_class].bytes,
                       .exists = true};
    classes_.push_back(copy);
    start_copies_.push_back({input_class, c});
    return c;
  }

  // Lets outputs of node n take the memory of operands that die there.
  void ShareMemory(int n) {
    const Node& node = function_.nodes()[n];
    const auto& of_node = node_kernels_[n]->in_place;
    std::vector<std::pair<int, int>> pairs = of_node.has_value() ? *of_node : node.op->in_place();
    if (node.op->must_alias()) pairs.insert(pairs.begin(), {0, 0});
    for (const auto& [o, k] : pairs) {
      if (o >= static_cast<int>(node.outputs.size()) || k >= static_cast<int>(node.inputs.size())) {
        continue;
      }
      if (MayShare(n, o, k)) TryMerge(n, o, Class(node.inputs[k]));
    }
  }

  void TryMerge(int n, int o, int c) {
    const Node& node = function_.nodes()[n];
    const ValueId out = node.outputs[o];
    ValueClass& from = classes_[c];
    ValueClass& to = classes_[out];
    if (merged_.count(out) != 0 || from.is_input || from.base >= 0 || from.last != n) return;
    if (from.bytes != to.bytes) return;
    for (size_t k = 0; k < node.inputs.size(); ++k) {
      if (Class(node.inputs[k]) == c && !MayShare(n, o, static_cast<int>(k))) return;
    }
    for (size_t other = 0; other < node.outputs.size(); ++other) {
      if (merged_.count(node.outputs[other]) != 0 && Class(node.outputs[other]) == c) return;
    }
    if (to.base >= 0 && to.base < input_count_ &&
        !MayOverwriteInput(from.def, from.def_output, to.base)) {
      return;
    }
    from.last = to.last;
    from.base = to.base;
    merged_[out] = c;
  }

  absl::Status PlaceFrame() {
    std::vector<Block> blocks;
    std::vector<int> owners;
    for (size_t c = 0; c < classes_.size(); ++c) {
      const ValueClass& value = classes_[c];
      const bool merged = merged_.count(static_cast<int>(c)) != 0;
      if (!value.exists || value.is_input || value.base >= 0 || merged) continue;
      blocks.push_back({value.bytes, value.def, value.last, 0});
      owners.push_back(static_cast<int>(c));
    }
    ASSIGN_OR_RETURN(const OffsetPlan offsets, AssignOffsets(blocks));
    for (size_t i = 0; i < blocks.size(); ++i) {
      classes_[owners[i]].base = plan_->frame_base();
      classes_[owners[i]].offset = blocks[i].offset;
    }
    plan_->frame_bytes_ = offsets.total_bytes;
    plan_->frame_lower_bound_bytes_ = offsets.lower_bound_bytes;
    return absl::OkStatus();
  }

  void PatchOperand(tsr_operand* operand, int base, int64_t offset) {
    plan_->patches_.push_back({operand, base, offset});
  }

  void EmitCopy(int from, int target_base, int64_t target_offset) {
    const ValueClass& source = classes_[WithoutMerges(from)];
    PlannedKernel planned;
    planned.kernel = NewCopyKernel(source.bytes);
    planned.bytes = 2.0 * static_cast<double>(source.bytes);
    PatchOperand(planned.kernel->input(0), source.base, source.offset);
    PatchOperand(planned.kernel->output(0), target_base, target_offset);
    plan_->kernels_.push_back(std::move(planned));
    ++plan_->copy_count_;
  }

  void EmitNode(int n) {
    const Node& node = function_.nodes()[n];
    PlannedKernel planned;
    planned.kernel = std::move(node_kernels_[n]);
    planned.node = &node;
    planned.node_index = n;
    std::vector<ValueType> inputs, outputs;
    for (size_t k = 0; k < node.inputs.size(); ++k) {
      const ValueClass* place = &classes_[Class(node.inputs[k])];
      if (k == 0 && node.op->must_alias()) {
        // The kernel writes only what changes, so the rest has to be there.
        const ValueClass& result = classes_[Class(node.outputs[0])];
        if (place->base != result.base || place->offset != result.offset) {
          EmitCopy(Class(node.inputs[0]), result.base, result.offset);
        }
        place = &result;
      }
      PatchOperand(planned.kernel->input(k), place->base, place->offset);
      inputs.push_back(function_.type(node.inputs[k]));
    }
    for (size_t o = 0; o < node.outputs.size(); ++o) {
      const ValueClass& place = classes_[Class(node.outputs[o])];
      PatchOperand(planned.kernel->output(o), place.base, place.offset);
      outputs.push_back(function_.type(node.outputs[o]));
    }
    const OpCost cost = node.op->Cost(inputs, outputs, node.attrs, sizes_);
    planned.flops = cost.flops;
    planned.bytes = cost.bytes;
    plan_->workspace_bytes_ = std::max(
        plan_->workspace_bytes_, static_cast<int64_t>(planned.kernel->plan.workspace_bytes));
    plan_->kernels_.push_back(std::move(planned));
  }

  absl::StatusOr<std::unique_ptr<FunctionPlan>> Emit() {
    for (const auto& [from, to] : start_copies_) {
      EmitCopy(from, classes_[to].base, classes_[to].offset);
    }
    for (int n = 0; n < end_; ++n) {
      if (node_kernels_[n] != nullptr) EmitNode(n);
    }
    for (const EndCopy& copy : end_copies_) EmitCopy(copy.source_class, copy.target_base, 0);
    return std::move(plan_);
  }

  const Function& function_;
  const CallBinding& binding_;
  const SymbolSizes& sizes_;
  const KernelTable& kernels_;
  const int isa_;
  const int input_count_, output_count_;
  const int end_;  // the moment after the last node
  std::unique_ptr<FunctionPlan> plan_;
  std::vector<SizedType> types_;        // per value
  std::vector<bool> needed_;            // per node
  std::vector<int> root_;               // per value: the value it is a view of, or itself
  std::vector<std::unique_ptr<PreparedKernel>> node_kernels_;
  std::vector<ValueClass> classes_;     // per value, then copies made at the start
  std::vector<int> base_last_read_;     // per input base
  std::map<int, int> merged_;           // class -> class whose memory it took
  std::vector<std::pair<int, int>> start_copies_;
  std::vector<EndCopy> end_copies_;
};

absl::StatusOr<std::unique_ptr<FunctionPlan>> FunctionPlan::Make(
    FunctionRef function, const CallBinding& binding, const SymbolSizes& sizes,
    const KernelTable& kernels, int isa) {
  return FunctionPlanner(std::move(function), binding, sizes, kernels, isa).Run();
}

}  // namespace tessera
