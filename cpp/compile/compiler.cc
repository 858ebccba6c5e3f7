#include "cpp/compile/compiler.h"

#include <algorithm>
#include <map>
#include <numeric>
#include <set>
#include <tuple>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "cpp/base/status_macros.h"
#include "cpp/compile/program_builder.h"
#include "cpp/compile/step_sums.h"
#include "cpp/compile/update_functions.h"
#include "cpp/ir/verifier.h"
#include "cpp/passes/flatten.h"
#include "cpp/passes/outline.h"
#include "cpp/passes/pass.h"
#include "cpp/shard/data_parallel.h"

namespace tessera {
namespace {

// One segment: a call of the outlined main, with what differentiation made of it.
struct Segment {
  const Node* node = nullptr;
  std::vector<bool> active_inputs;
  std::vector<bool> differentiated;     // per output: has a cotangent
  const JointFunction* joint = nullptr; // nullptr: no gradient passes
  const CutFunctions* cut = nullptr;
  const CutFunctions* cut_accumulate = nullptr;
  std::vector<int> forward_outputs;     // slots, saved values included
};

using JointKey =
    std::tuple<const Function*, std::vector<bool>, std::vector<bool>, RecomputeChoice>;

class Compiler {
 public:
  Compiler(const Function& main, const OpTable& ops, const CompileOptions& options)
      : source_(main), ops_(ops), options_(options) {}

  absl::StatusOr<std::shared_ptr<const Program>> Run() {
    program().micro_batches = options_.micro_batches;
    RETURN_IF_ERROR(Prepare());
    RETURN_IF_ERROR(AddInputSlots());
    if (options_.gradients) {
      RETURN_IF_ERROR(AddPrologue());
      RETURN_IF_ERROR(DifferentiateSegments());
    }
    RETURN_IF_ERROR(AddForward());
    if (options_.gradients) RETURN_IF_ERROR(AddBackward());
    RETURN_IF_ERROR(AddBufferUpdates());
    RETURN_IF_ERROR(AddOutputs());
    RETURN_IF_ERROR(AddRefresh());
    BuildSchedule();
    RETURN_IF_ERROR(Verify(program()));
    // Before the passes: a node that stands for several ops says less of what ranks may share.
    RETURN_IF_ERROR(DecideDataParallel(program()));
    if (options_.passes) {
      RETURN_IF_ERROR(RunPasses(BuiltinPasses(), ops_, program()));
      RETURN_IF_ERROR(Verify(program()));
    }
    return std::shared_ptr<const Program>(builder_.Release());
  }

 private:
  Program& program() { return builder_.program(); }

  // Flatten, drop loss denominators from the forward when a prologue computes them, outline.
  absl::Status Prepare() {
    ASSIGN_OR_RETURN(SplitMain split, SplitBuffers(source_));
    buffers_ = std::move(split.updates);
    ASSIGN_OR_RETURN(flat_, Flatten(*split.function, FlattenOptions{}));
    RETURN_IF_ERROR(CheckStates());
    std::vector<int> kept;
    for (size_t i = 0; i < flat_->outputs().size(); ++i) {
      const auto& [name, value, kind, weight] = flat_->outputs()[i];
      const bool is_denominator = kind == OutputKind::kLossDenominator;
      if (is_denominator) denominators_.push_back(static_cast<int>(i));
      const bool dropped = (kind == OutputKind::kResult && !KeepsResult(name)) ||
                           (kind == OutputKind::kContribution && options_.update == nullptr);
      if ((!is_denominator || !options_.gradients) && !dropped) {
        kept.push_back(static_cast<int>(i));
      }
    }
    ASSIGN_OR_RETURN(std::shared_ptr<Function> forward, Slice(*flat_, kept, source_.name()));
    RETURN_IF_ERROR(SeparateInputs(*forward));
    ASSIGN_OR_RETURN(const std::shared_ptr<Function> outlined, Outline(*forward));
    ASSIGN_OR_RETURN(ReducedMain reduced, TakeAllReduces(*outlined, ops_));
    main_ = std::move(reduced.function);
    reduced_segments_ = std::move(reduced.calls);
    slot_of_.assign(main_->values().size(), -1);
    for (const Node& node : main_->nodes()) {
      Segment segment;
      segment.node = &node;
      segments_.push_back(std::move(segment));
    }
    return absl::OkStatus();
  }

  bool KeepsResult(const std::string& name) const {
    return options_.results ||
           (!options_.kept_results.empty() && absl::StartsWith(name, options_.kept_results));
  }

  // Outputs that are inputs of main become copies where that matters: a loss, so that every
  // gradient comes from a segment; the next value of a state, so that something writes it; a result
  // that is a state, because the state moves on.
  absl::Status SeparateInputs(Function& forward) const {
    std::vector<FunctionOutput> outputs = forward.outputs();
    Graph graph(ops_, forward);
    for (FunctionOutput& output : outputs) {
      const Value& value = forward.value(output.value);
      if (value.node >= 0) continue;
      const bool is_state = forward.inputs()[value.output].kind == InputKind::kState;
      if (output.kind != OutputKind::kLossNumerator && output.kind != OutputKind::kState &&
          output.kind != OutputKind::kContribution && !is_state) {
        continue;
      }
      output.value = graph.Op("copy", {output.value});
      RETURN_IF_ERROR(graph.status());
    }
    forward.ClearOutputs();
    for (const FunctionOutput& output : outputs) {
      forward.AddOutput(output.name, output.value, output.kind, output.weight);
    }
    return absl::OkStatus();
  }

  absl::Status AddInputSlots() {
    // All inputs of the flat main get a slot: the prologue may read some that the forward does not.
    for (const FunctionInput& input : flat_->inputs()) {
      if (input_slots_.contains({input.kind, input.name})) continue;
      ASSIGN_OR_RETURN(const int slot, InputSlot(input));
      input_slots_[{input.kind, input.name}] = slot;
    }
    for (const FunctionInput& input : main_->inputs()) {
      slot_of_[input.value] = input_slots_.at({input.kind, input.name});
    }
    return absl::OkStatus();
  }

  absl::StatusOr<int> InputSlot(const FunctionInput& input) {
    const ValueType& type = flat_->type(input.value);
    switch (input.kind) {
      case InputKind::kArgument:
      case InputKind::kAmbient:
        return builder_.AddSlot(input.name, SlotKind::kInput, type, true);
      case InputKind::kKey:
        return builder_.AddSlot(input.name, SlotKind::kKey, type, false);
      case InputKind::kState:
        return builder_.AddSlot(input.name, SlotKind::kState, type, true);
      case InputKind::kParam:
        return AddParam(input, type);
    }
    return absl::InternalError("input kind");
  }

  absl::StatusOr<int> AddParam(const FunctionInput& input, const ValueType& type) {
    for (const Dim& dim : type.dims) {
      if (!dim.IsConst()) {
        return absl::InvalidArgumentError(absl::StrCat(
            "parameter ", input.name, ": dims must be constants, got ", ToText(type.dims)));
      }
    }
    ProgramParam param;
    param.path = input.name;
    param.dims = type.dims;
    param.compute_dtype = type.dtype;
    param.dtype = GradientDType(type.dtype);  // the master value has the accumulation dtype
    param.spec = input.param;
    param.trainable = options_.gradients && IsFloat(type.dtype) && !input.param.is_buffer &&
                      (!options_.trainable || options_.trainable(input.name));
    const int index = static_cast<int>(program().params.size());
    param.param_slot = builder_.AddSlot(input.name, SlotKind::kParam, {param.dtype, type.dims},
                                        false, index);
    param.weight_slot = param.dtype == param.compute_dtype
                            ? param.param_slot
                            : builder_.AddSlot(input.name, SlotKind::kWeight, type, false, index);
    if (param.trainable) {
      param.gradient_slot = builder_.AddSlot(input.name, SlotKind::kGradient,
                                             {param.dtype, type.dims}, false, index);
    }
    program().params.push_back(param);
    return param.weight_slot;
  }

  absl::Status AddPrologue() {
    if (denominators_.empty()) return absl::OkStatus();
    ASSIGN_OR_RETURN(std::shared_ptr<Function> nested,
                     Slice(*flat_, denominators_, absl::StrCat(source_.name(), "_prologue")));
    ASSIGN_OR_RETURN(std::shared_ptr<Function> inlined,
                     Flatten(*nested, FlattenOptions{.keep_repeated = false}));
    // Once more: of a call that was needed for its denominator alone, the rest goes.
    std::vector<int> all(inlined->outputs().size());
    std::iota(all.begin(), all.end(), 0);
    ASSIGN_OR_RETURN(std::shared_ptr<Function> prologue, Slice(*inlined, all, inlined->name()));
    std::vector<int> inputs, outputs;
    for (const FunctionInput& input : prologue->inputs()) {
      if (input.kind == InputKind::kParam || input.kind == InputKind::kState) {
        return absl::InvalidArgumentError(
            absl::StrCat("loss denominator depends on '", input.name,
                         "'; it may depend on inputs, constants and random values only"));
      }
      inputs.push_back(input_slots_.at({input.kind, input.name}));
    }
    for (const FunctionOutput& output : prologue->outputs()) {
      outputs.push_back(builder_.AddSlot(absl::StrCat(output.name, "/denominator"),
                                         SlotKind::kResult, prologue->type(output.value), true));
      denominator_slots_[output.name] = outputs.back();
    }
    prologue_call_ = builder_.AddCall(prologue, "prologue", std::move(inputs), std::move(outputs));
    return absl::OkStatus();
  }

  // Forward: which values depend on what is trained. Backward: which have a cotangent.
  absl::Status DifferentiateSegments() {
    std::vector<bool> active(main_->values().size(), false);
    for (const FunctionInput& input : main_->inputs()) active[input.value] = IsTrained(input);
    for (Segment& segment : segments_) {
      for (ValueId id : segment.node->inputs) segment.active_inputs.push_back(active[id]);
      const std::vector<bool> outputs =
          ActiveOutputs(*segment.node->callee, segment.active_inputs);
      for (size_t k = 0; k < outputs.size(); ++k) active[segment.node->outputs[k]] = outputs[k];
    }
    std::vector<bool> has_cotangent(main_->values().size(), false);
    for (const FunctionOutput& output : main_->outputs()) {
      if (output.kind == OutputKind::kLossNumerator) has_cotangent[output.value] = true;
    }
    for (size_t i = segments_.size(); i-- > 0;) {
      Segment& segment = segments_[i];
      bool any = false;
      for (ValueId id : segment.node->outputs) {
        segment.differentiated.push_back(has_cotangent[id] && active[id]);
        any = any || segment.differentiated.back();
      }
      if (!any) continue;
      RETURN_IF_ERROR(DifferentiateOne(segment));
      for (size_t k = 0; k < segment.node->inputs.size(); ++k) {
        if (segment.joint->gradients[k] != kNoValue) has_cotangent[segment.node->inputs[k]] = true;
      }
    }
    return absl::OkStatus();
  }

  bool IsTrained(const FunctionInput& input) const {
    if (input.kind == InputKind::kParam) {
      for (const ProgramParam& param : builder_const().params) {
        if (param.path == input.name) return param.trainable;
      }
    }
    return input.kind == InputKind::kArgument &&
           std::find(options_.argument_gradients.begin(), options_.argument_gradients.end(),
                     input.name) != options_.argument_gradients.end();
  }

  const Program& builder_const() const { return const_cast<ProgramBuilder&>(builder_).program(); }

  absl::Status DifferentiateOne(Segment& segment) {
    RecomputeChoice recompute = options_.recompute_at ? options_.recompute_at(segment.node->at)
                                                      : RecomputeChoice{options_.recompute, {}};
    for (const NamedPass& pass : BuiltinPasses()) {
      if (!options_.passes) break;
      for (const std::string_view op : pass.create().remade) recompute.ops.emplace_back(op);
    }
    const JointKey key{segment.node->callee.get(), segment.active_inputs, segment.differentiated,
                       recompute};
    auto it = joints_.find(key);
    if (it == joints_.end()) {
      const Function& callee = *segment.node->callee;
      Differentiated entry;
      ASSIGN_OR_RETURN(entry.joint, Differentiate(callee, ops_, segment.active_inputs,
                                                  segment.differentiated));
      CutOptions cut{recompute, options_.separate_weight_gradient, false};
      ASSIGN_OR_RETURN(entry.cut, Cut(callee, entry.joint, ops_, cut));
      cut.accumulate = true;
      if (options_.micro_batches > 1) {
        ASSIGN_OR_RETURN(entry.cut_accumulate, Cut(callee, entry.joint, ops_, cut));
      }
      it = joints_.emplace(key, std::make_unique<Differentiated>(std::move(entry))).first;
    }
    segment.joint = &it->second->joint;
    segment.cut = &it->second->cut;
    segment.cut_accumulate = &it->second->cut_accumulate;
    return absl::OkStatus();
  }

  absl::Status AddForward() {
    std::set<ValueId> results;
    for (const FunctionOutput& output : main_->outputs()) results.insert(output.value);
    for (size_t i = 0; i < segments_.size(); ++i) {
      Segment& segment = segments_[i];
      const FunctionRef forward = segment.cut ? segment.cut->forward : segment.node->callee;
      std::vector<int> inputs;
      for (ValueId id : segment.node->inputs) inputs.push_back(slot_of_[id]);
      for (size_t k = 0; k < forward->outputs().size(); ++k) {
        const FunctionOutput& output = forward->outputs()[k];
        const bool is_result = k < segment.node->outputs.size();
        const ValueId id = is_result ? segment.node->outputs[k] : kNoValue;
        const SlotKind kind =
            is_result && results.contains(id) ? SlotKind::kResult : SlotKind::kTemporary;
        const int state = is_result ? StateSlot(id) : -1;
        const int slot = state >= 0 ? state
                                    : builder_.AddSlot(absl::StrCat(segment.node->at, "/",
                                                                    output.name),
                                                       kind, forward->type(output.value), true);
        if (is_result) slot_of_[id] = slot;
        segment.forward_outputs.push_back(slot);
      }
      forward_calls_.push_back(builder_.AddCall(forward, segment.node->at, std::move(inputs),
                                                segment.forward_outputs));
    }
    return AddStateCopies();
  }

  // The next value of a state is written into the state itself by the segment that makes it, unless
  // a later one still reads the old value, or a backward may. -1 when it is not.
  int StateSlot(ValueId id) const {
    if (options_.gradients) return -1;
    for (const FunctionOutput& output : main_->outputs()) {
      if (output.kind != OutputKind::kState || output.value != id) continue;
      const int input = main_->FindInput(output.name, InputKind::kState);
      bool read_later = false;
      for (size_t i = main_->value(id).node + 1; i < segments_.size() && input >= 0; ++i) {
        const std::vector<ValueId>& operands = segments_[i].node->inputs;
        read_later = read_later || std::find(operands.begin(), operands.end(),
                                             main_->inputs()[input].value) != operands.end();
      }
      return read_later ? -1 : input_slots_.at({InputKind::kState, output.name});
    }
    return -1;
  }

  // Copies the other next values after everything else: BuildSchedule says when.
  absl::Status AddStateCopies() {
    for (const FunctionOutput& output : main_->outputs()) {
      if (output.kind != OutputKind::kState) continue;
      const int from = slot_of_[output.value];
      const int to = input_slots_.at({InputKind::kState, output.name});
      if (from == to) continue;
      auto function = std::make_shared<Function>("move_state");
      Graph graph(ops_, *function);
      const ValueId x =
          function->AddInput("x", InputKind::kArgument, main_->type(output.value));
      function->AddOutput("y", graph.Op("copy", {x}));
      RETURN_IF_ERROR(graph.status());
      state_calls_.push_back(builder_.AddCall(function, output.name, {from}, {to}));
    }
    return absl::OkStatus();
  }

  absl::Status CheckStates() const {
    for (const FunctionOutput& output : flat_->outputs()) {
      if (output.kind != OutputKind::kState) continue;
      const int input = flat_->FindInput(output.name, InputKind::kState);
      if (input < 0) {
        return absl::InvalidArgumentError(
            absl::StrCat("state ", output.name, ": has a next value, but nothing declares it"));
      }
      const ValueType& declared = flat_->type(flat_->inputs()[input].value);
      if (declared != flat_->type(output.value)) {
        return absl::InvalidArgumentError(
            absl::StrCat("state ", output.name, ": declared as ", declared.ToText(),
                         ", its next value is ", flat_->type(output.value).ToText()));
      }
    }
    return absl::OkStatus();
  }

  // --- Backward ---

  struct BackwardCall {
    int segment = -1;   // -1: a sum of cotangents
    ActionKind kind = ActionKind::kBackward;
    int call = -1;             // for the first micro-batch
    int accumulate_call = -1;  // for the others; equal to `call` where nothing is accumulated
  };

  absl::Status AddBackward() {
    RETURN_IF_ERROR(AddSeeds());
    CountParamUses();
    for (size_t i = segments_.size(); i-- > 0;) {
      Segment& segment = segments_[i];
      if (segment.joint == nullptr) continue;
      std::vector<int> cotangents;
      for (size_t k = 0; k < segment.node->outputs.size(); ++k) {
        int slot = -1;
        if (segment.differentiated[k]) {
          ASSIGN_OR_RETURN(slot, TotalCotangent(segment.node->outputs[k]));
        }
        cotangents.push_back(slot);
      }
      RETURN_IF_ERROR(AddSegmentBackward(static_cast<int>(i), cotangents));
    }
    RETURN_IF_ERROR(AddArgumentGradients());
    return AddCollect();
  }

  absl::Status AddSeeds() {
    for (const FunctionOutput& output : main_->outputs()) {
      if (output.kind != OutputKind::kLossNumerator) continue;
      const int slot = builder_.AddSlot(absl::StrCat("seed/", output.name), SlotKind::kScalar,
                                        main_->type(output.value), false);
      seeds_[output.name] = slot;
      cotangents_[output.value].push_back(slot);
    }
    return absl::OkStatus();
  }

  // Every use of a parameter has an accumulator of its own; they are added in forward-text order.
  void CountParamUses() {
    for (size_t i = 0; i < segments_.size(); ++i) {
      if (segments_[i].joint == nullptr) continue;
      for (size_t k = 0; k < segments_[i].node->inputs.size(); ++k) {
        const int param = ParamOf(segments_[i].node->inputs[k]);
        if (param < 0 || segments_[i].joint->gradients[k] == kNoValue) continue;
        param_uses_[param].push_back({static_cast<int>(i), static_cast<int>(k)});
      }
    }
    for (auto& [param, uses] : param_uses_) {
      const ProgramParam& info = program().params[param];
      for (const auto& use : uses) {
        accumulator_[use] =
            uses.size() == 1
                ? info.gradient_slot
                : builder_.AddSlot(absl::StrCat("gradient/", info.path, "/", use.first),
                                   SlotKind::kTemporary, {info.dtype, info.dims}, false);
      }
    }
  }

  int ParamOf(ValueId id) const {
    if (main_->value(id).node >= 0) return -1;
    const FunctionInput& input = main_->inputs()[main_->value(id).output];
    if (input.kind != InputKind::kParam) return -1;
    return builder_const().slots[slot_of_[id]].param;
  }

  absl::StatusOr<int> TotalCotangent(ValueId id) {
    std::vector<int> parts = cotangents_[id];
    RET_CHECK(!parts.empty()) << "no cotangent for a value of main";
    if (parts.size() == 1) return parts[0];
    std::reverse(parts.begin(), parts.end());  // forward-text order
    const ValueType& type = main_->type(id);
    ASSIGN_OR_RETURN(FunctionRef sum, SumFunction(type, parts.size()));
    const int slot = builder_.AddSlot("cotangent/sum", SlotKind::kTemporary, type, true);
    const int call = builder_.AddCall(sum, "cotangent", parts, {slot});
    backward_calls_.push_back({-1, ActionKind::kBackward, call, call});
    cotangents_[id] = {slot};
    return slot;
  }

  absl::StatusOr<FunctionRef> SumFunction(const ValueType& type, size_t count) {
    const std::string name = absl::StrCat("sum_", count, "_", type.ToText());
    if (const auto it = sum_functions_.find(name); it != sum_functions_.end()) return it->second;
    auto function = std::make_shared<Function>(name);
    std::vector<ValueId> operands;
    for (size_t i = 0; i < count; ++i) {
      operands.push_back(function->AddInput(absl::StrCat("x", i), InputKind::kArgument, type));
    }
    Graph graph(ops_, *function);
    const ValueId sum = graph.Op(count == 1 ? "copy" : "add_n", operands);
    RETURN_IF_ERROR(graph.status());
    function->AddOutput("sum", sum);
    sum_functions_[name] = function;
    return FunctionRef(function);
  }

  absl::Status AddSegmentBackward(int index, const std::vector<int>& cotangents) {
    Segment& segment = segments_[index];
    if (!options_.separate_weight_gradient) {
      return AddBackwardPair(index, cotangents, segment.cut->backward,
                             segment.cut_accumulate->backward, ActionKind::kBackward, nullptr);
    }
    std::vector<int> passed;
    RETURN_IF_ERROR(AddBackwardPair(index, cotangents, segment.cut->input_gradient,
                                    segment.cut_accumulate->input_gradient,
                                    ActionKind::kInputGradient, &passed));
    passed_ = passed;
    return AddBackwardPair(index, cotangents, segment.cut->weight_gradient,
                           segment.cut_accumulate->weight_gradient, ActionKind::kWeightGradient,
                           nullptr);
  }

  absl::Status AddBackwardPair(int index, const std::vector<int>& cotangents,
                               const BackwardFunction& first, const BackwardFunction& later,
                               ActionKind kind, std::vector<int>* passed) {
    if (first.function->outputs().empty()) return absl::OkStatus();
    Segment& segment = segments_[index];
    std::vector<int> outputs;
    for (const FunctionOutput& output : first.function->outputs()) {
      outputs.push_back(builder_.AddSlot(absl::StrCat(segment.node->at, "/", output.name),
                                         SlotKind::kTemporary, first.function->type(output.value),
                                         true));
    }
    if (passed != nullptr) *passed = outputs;
    for (size_t k = segment.node->inputs.size(); k-- > 0;) {
      const int output = first.gradient_outputs[k];
      if (output < 0) continue;
      const auto it = accumulator_.find({index, static_cast<int>(k)});
      if (it != accumulator_.end()) {
        outputs[output] = it->second;
      } else {
        cotangents_[segment.node->inputs[k]].push_back(outputs[output]);
      }
    }
    BackwardCall call{index, kind, -1, -1};
    const std::string at = absl::StrCat(segment.node->at, kind == ActionKind::kWeightGradient
                                                              ? "/weight_gradient"
                                                              : "/backward");
    call.call = builder_.AddCall(first.function, at, Bind(index, first, cotangents), outputs);
    call.accumulate_call = call.call;
    if (options_.micro_batches > 1) {
      call.accumulate_call =
          builder_.AddCall(later.function, at, Bind(index, later, cotangents), outputs);
    }
    backward_calls_.push_back(call);
    return absl::OkStatus();
  }

  std::vector<int> Bind(int index, const BackwardFunction& backward,
                        const std::vector<int>& cotangents) {
    const Segment& segment = segments_[index];
    std::vector<int> inputs;
    for (const BackwardInput& input : backward.inputs) {
      switch (input.source) {
        case BackwardInput::kForwardInput:
          inputs.push_back(slot_of_[segment.node->inputs[input.index]]);
          break;
        case BackwardInput::kForwardOutput:
          inputs.push_back(segment.forward_outputs[input.index]);
          break;
        case BackwardInput::kCotangent:
          inputs.push_back(cotangents[input.index]);
          break;
        case BackwardInput::kAccumulator:
          inputs.push_back(accumulator_.at({index, input.index}));
          break;
        case BackwardInput::kPassed:
          inputs.push_back(passed_[input.index]);
          break;
      }
    }
    return inputs;
  }

  absl::Status AddArgumentGradients() {
    for (const std::string& name : options_.argument_gradients) {
      const int input = main_->FindInput(name, InputKind::kArgument);
      if (input < 0) {
        return absl::NotFoundError(absl::StrCat("gradient of '", name, "': no such argument"));
      }
      const ValueId id = main_->inputs()[input].value;
      if (!cotangents_.contains(id)) {
        return absl::InvalidArgumentError(
            absl::StrCat("gradient of '", name, "': no loss depends on it"));
      }
      ASSIGN_OR_RETURN(const int slot, TotalCotangent(id));
      program().slots[slot].kind = SlotKind::kResult;
      program().slots[slot].name = absl::StrCat("gradient/", name);
      argument_gradient_slots_.push_back(slot);
    }
    return absl::OkStatus();
  }

  absl::Status AddCollect() {
    for (const auto& [param, uses] : param_uses_) {
      if (uses.size() < 2) continue;
      const ProgramParam info = program().params[param];
      std::vector<int> parts;
      for (const auto& use : uses) parts.push_back(accumulator_.at(use));
      ASSIGN_OR_RETURN(FunctionRef sum, SumFunction({info.dtype, info.dims}, parts.size()));
      collect_calls_.push_back(builder_.AddCall(sum, info.path, parts, {info.gradient_slot}));
    }
    // A trainable parameter that no loss reaches has no gradient and is left as it is.
    for (size_t i = 0; i < program().params.size(); ++i) {
      ProgramParam& param = program().params[i];
      if (param.trainable && !param_uses_.contains(static_cast<int>(i))) {
        param.trainable = false;
        param.gradient_slot = -1;
      }
    }
    if (options_.update == nullptr) return absl::OkStatus();
    UpdateFunctions updates(ops_, *options_.update, builder_);
    RETURN_IF_ERROR(updates.AddAll());
    norm_calls_ = updates.norm_calls();
    commit_calls_ = updates.commit_calls();
    return absl::OkStatus();
  }

  absl::Status AddRefresh() {
    UpdateFunctions updates(ops_, builder_);
    ASSIGN_OR_RETURN(refresh_calls_, updates.AddRefresh());
    return absl::OkStatus();
  }

  absl::Status AddOutputs() {
    for (const FunctionOutput& output : main_->outputs()) {
      const int slot = slot_of_[output.value];
      switch (output.kind) {
        case OutputKind::kResult:
          program().result_slots.push_back(slot);
          break;
        case OutputKind::kLossNumerator:
        case OutputKind::kMetricNumerator: {
          SumSpec sum;
          sum.name = output.name;
          sum.is_loss = output.kind == OutputKind::kLossNumerator;
          sum.weight = output.weight;
          sum.numerator_slot = slot;
          sum.is_statistic = DependsOnAllReduce(*flat_, FlatValueOf(output));
          ASSIGN_OR_RETURN(sum.denominator_slot, DenominatorSlot(output));
          if (const auto it = seeds_.find(output.name); sum.is_loss && it != seeds_.end()) {
            sum.seed_slot = it->second;
          }
          program().sums.push_back(std::move(sum));
          break;
        }
        case OutputKind::kState:
        case OutputKind::kLossDenominator:
        case OutputKind::kMetricDenominator:
        case OutputKind::kContribution:
        case OutputKind::kBuffer:
          break;
        case OutputKind::kStatistic:
          return absl::InvalidArgumentError(absl::StrCat(
              "statistic '", output.name, "': main was not traced to its end"));
      }
    }
    for (int slot : argument_gradient_slots_) program().result_slots.push_back(slot);
    for (const char* symbol : {"B", "T", "S"}) program().symbols.push_back(symbol);
    return absl::OkStatus();
  }

  ValueId FlatValueOf(const FunctionOutput& output) const {
    for (const FunctionOutput& other : flat_->outputs()) {
      if (other.kind == output.kind && other.name == output.name) return other.value;
    }
    return kNoValue;
  }

  // Contributions to buffers are added up over the micro-batches and ranks; at the commit each
  // buffer gets its next value, through a temporary since a call may read what it writes.
  absl::Status AddBufferUpdates() {
    for (const FunctionOutput& output : main_->outputs()) {
      if (output.kind != OutputKind::kContribution) continue;
      const ValueType& type = main_->type(output.value);
      const int part = slot_of_[output.value];
      const int total = builder_.AddSlot(absl::StrCat(output.name, "/total"), SlotKind::kResult,
                                         type, false);
      ASSIGN_OR_RETURN(FunctionRef copy, SumFunction(type, 1));
      ASSIGN_OR_RETURN(FunctionRef sum, SumFunction(type, 2));
      first_sums_.push_back(builder_.AddCall(copy, output.name, {part}, {total}));
      later_sums_.push_back(builder_.AddCall(sum, output.name, {total, part}, {total}));
      step_totals_.push_back(total);
      const int param = input_slots_.at({InputKind::kParam, output.name});
      const auto update = std::find_if(buffers_.begin(), buffers_.end(),
                                       [&](const auto& u) { return u.path == output.name; });
      RET_CHECK(update != buffers_.end()) << output.name;
      const ValueType& buffer = program().slots[param].type;
      const int next = builder_.AddSlot(absl::StrCat(output.name, "/next"),
                                        SlotKind::kTemporary, buffer, false);
      ASSIGN_OR_RETURN(FunctionRef move, SumFunction(buffer, 1));
      buffer_calls_.push_back(
          builder_.AddCall(update->next, output.name, {param, total}, {next}));
      buffer_calls_.push_back(builder_.AddCall(move, output.name, {next}, {param}));
    }
    return absl::OkStatus();
  }

  absl::StatusOr<int> DenominatorSlot(const FunctionOutput& numerator) {
    const bool is_loss = numerator.kind == OutputKind::kLossNumerator;
    if (is_loss && options_.gradients) {
      const auto it = denominator_slots_.find(numerator.name);
      if (it != denominator_slots_.end()) return it->second;
    }
    const OutputKind wanted =
        is_loss ? OutputKind::kLossDenominator : OutputKind::kMetricDenominator;
    for (const FunctionOutput& output : main_->outputs()) {
      if (output.kind == wanted && output.name == numerator.name) return slot_of_[output.value];
    }
    return absl::InvalidArgumentError(
        absl::StrCat("loss or metric '", numerator.name, "' has no denominator"));
  }

  // With an update, states move on at the commit, so that a step that is not committed leaves them;
  // otherwise after the backward, which may compute again from the old ones. Each micro-batch has
  // its own.
  void BuildSchedule() {
    const int count = options_.micro_batches;
    const bool moves_at_commit = options_.gradients && options_.update != nullptr;
    for (int call : refresh_calls_) builder_.Schedule(ActionKind::kRefresh, call);
    if (prologue_call_ >= 0) {
      for (int m = 0; m < count; ++m) builder_.Schedule(ActionKind::kPrologue, prologue_call_, m);
    }
    for (int m = 0; m < count; ++m) {
      for (size_t i = 0; i < forward_calls_.size(); ++i) {
        builder_.Schedule(ActionKind::kForward, forward_calls_[i], m, static_cast<int>(i));
        if (reduced_segments_.contains(i)) {
          builder_.ScheduleReduce(segments_[i].forward_outputs[0], m);
        }
      }
      for (int call : m == 0 ? first_sums_ : later_sums_) {
        builder_.Schedule(ActionKind::kForward, call, m);
      }
      for (const BackwardCall& call : backward_calls_) {
        builder_.Schedule(call.kind, m == 0 ? call.call : call.accumulate_call, m, call.segment);
      }
      for (int call : state_calls_) {
        if (!moves_at_commit) builder_.Schedule(ActionKind::kForward, call, m);
      }
    }
    for (int slot : step_totals_) builder_.ScheduleReduce(slot, 0);
    for (int call : collect_calls_) builder_.Schedule(ActionKind::kCollect, call);
    if (options_.gradients) builder_.Schedule(ActionKind::kReduce, -1);
    for (int call : norm_calls_) builder_.Schedule(ActionKind::kNorm, call);
    for (int call : commit_calls_) builder_.Schedule(ActionKind::kCommit, call);
    for (int call : buffer_calls_) builder_.Schedule(ActionKind::kCommit, call);
    for (int call : state_calls_) {
      for (int m = 0; moves_at_commit && m < count; ++m) {
        builder_.Schedule(ActionKind::kCommit, call, m);
      }
    }
  }

  struct Differentiated {
    JointFunction joint;
    CutFunctions cut;
    CutFunctions cut_accumulate;
  };

  const Function& source_;
  const OpTable& ops_;
  const CompileOptions& options_;
  ProgramBuilder builder_;
  std::shared_ptr<Function> flat_, main_;
  std::vector<Segment> segments_;
  std::vector<int> denominators_;                    // outputs of flat_
  std::vector<int> slot_of_;                         // per value of main_
  std::map<std::pair<InputKind, std::string>, int> input_slots_;
  std::map<std::string, int> denominator_slots_, seeds_;
  std::map<JointKey, std::unique_ptr<Differentiated>> joints_;
  std::map<ValueId, std::vector<int>> cotangents_;   // slots, last use first
  std::map<int, std::vector<std::pair<int, int>>> param_uses_;   // param -> (segment, input)
  std::map<std::pair<int, int>, int> accumulator_;
  std::map<std::string, FunctionRef> sum_functions_;
  std::vector<int> passed_, argument_gradient_slots_;
  std::vector<BufferUpdate> buffers_;
  std::set<size_t> reduced_segments_;                // their results are summed over the ranks
  std::vector<int> first_sums_, later_sums_, step_totals_, buffer_calls_;
  int prologue_call_ = -1;
  std::vector<int> forward_calls_, state_calls_, collect_calls_, norm_calls_, commit_calls_;
  std::vector<int> refresh_calls_;
  std::vector<BackwardCall> backward_calls_;
};

}  // namespace

absl::StatusOr<std::shared_ptr<const Program>> Compile(const Function& main, const OpTable& ops,
                                                       const CompileOptions& options) {
  if (options.micro_batches < 1) {
    return absl::InvalidArgumentError(
        absl::StrCat("micro_batches: expected at least 1, got ", options.micro_batches));
  }
  return Compiler(main, ops, options).Run();
}

}  // namespace tessera
