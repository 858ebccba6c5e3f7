#include "cpp/shard/data_parallel.h"

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "cpp/base/status_macros.h"
#include "cpp/shard/rule.h"

namespace tessera {
namespace {

// Placements of a flat function's outputs, from those of its inputs.
absl::StatusOr<std::vector<Placement>> InferFunction(const Function& function,
                                                     const std::vector<Placement>& inputs,
                                                     const MeshAxis& axis) {
  std::vector<Placement> values(function.values().size());
  for (size_t i = 0; i < inputs.size(); ++i) values[function.inputs()[i].value] = inputs[i];
  for (size_t n = 0; n < function.nodes().size(); ++n) {
    const Node& node = function.nodes()[n];
    RET_CHECK(!node.is_call()) << "function '" << function.name() << "' is not flat";
    std::vector<ValueType> in, out;
    std::vector<Placement> given;
    for (ValueId id : node.inputs) {
      in.push_back(function.type(id));
      given.push_back(values[id]);
    }
    for (ValueId id : node.outputs) out.push_back(function.type(id));
    const auto derived = InferPlacements({*node.op, in, node.attrs, out, true}, given, axis);
    if (!derived.ok()) {
      return absl::Status(derived.status().code(),
                          absl::StrCat("node ", n, ": ", derived.status().message()));
    }
    for (size_t o = 0; o < node.outputs.size(); ++o) values[node.outputs[o]] = (*derived)[o];
  }
  std::vector<Placement> results;
  for (const FunctionOutput& output : function.outputs()) results.push_back(values[output.value]);
  return results;
}

class Planner {
 public:
  Planner(const Program& program, const DataParallelOptions& options)
      : program_(program), options_(options), slots_(program.slots.size()) {
    axis_.name = kDataAxis;
    axis_.size = 2;  // any number above 1 gives the same decisions
    axis_.symbols = {options.batch_symbol};
  }

  absl::StatusOr<DataParallelPlan> Run() {
    plan_.reduce_gradient.assign(program_.params.size(), false);
    for (size_t s = 0; s < slots_.size(); ++s) {
      ASSIGN_OR_RETURN(slots_[s], Given(program_.slots[s]));
    }
    for (const SumSpec& sum : program_.sums) {
      // The function of totals is the same on all ranks, and so is the gradient by the totals; by
      // a rank's own terms it is that gradient too, whole: no rank takes a share of its seed.
      if (sum.seed_slot >= 0 && !sum.is_statistic) {
        numerator_of_seed_[sum.seed_slot] = sum.numerator_slot;
      }
    }
    for (const Action& action : program_.schedule) {
      if (action.kind == ActionKind::kReduce) {
        RETURN_IF_ERROR(Reduce());
        continue;
      }
      if (action.kind == ActionKind::kReduceSlot) {
        RETURN_IF_ERROR(ReduceSlot(action.slot));
        continue;
      }
      const absl::Status status = RunCall(program_.calls[action.call]);
      if (status.ok()) continue;
      return absl::Status(status.code(),
                          absl::StrCat("'", program_.calls[action.call].at, "', function '",
                                       program_.functions[program_.calls[action.call].function]
                                           ->name(),
                                       "', ", status.message()));
    }
    for (const SumSpec& sum : program_.sums) RETURN_IF_ERROR(AddSum(sum));
    for (const std::optional<Placement>& slot : slots_) {
      plan_.slots.push_back(slot.value_or(Placement()));
    }
    return std::move(plan_);
  }

 private:
  // What stands in a slot before the first action; nothing where an action has to write it.
  absl::StatusOr<std::optional<Placement>> Given(const Slot& slot) const {
    switch (slot.kind) {
      case SlotKind::kInput:
      case SlotKind::kState: {
        const bool is_offset = slot.type.dims.empty() && slot.kind == SlotKind::kInput &&
                               std::find(options_.offset_inputs.begin(),
                                         options_.offset_inputs.end(),
                                         slot.name) != options_.offset_inputs.end();
        if (is_offset) return Placement::Offset();
        const auto given = GivenPlacement(slot.type, axis_);
        if (given.ok()) return *given;
        return absl::Status(given.status().code(),
                            absl::StrCat("'", slot.name, "': ", given.status().message()));
      }
      case SlotKind::kParam:
      case SlotKind::kWeight:
      case SlotKind::kOptimizer:
      case SlotKind::kKey:
      case SlotKind::kScalar:
        return Placement::Replicated();
      case SlotKind::kGradient:
      case SlotKind::kResult:
      case SlotKind::kTemporary:
        return std::nullopt;
    }
    return absl::InternalError("slot kind");
  }

  absl::Status RunCall(const ProgramCall& call) {
    std::vector<Placement> inputs;
    for (int slot : call.inputs) {
      if (const auto it = numerator_of_seed_.find(slot); it != numerator_of_seed_.end()) {
        SetSeed(slot, it->second);
      }
      RET_CHECK(slots_[slot].has_value()) << "slot '" << program_.slots[slot].name
                                          << "' is read before it is written";
      inputs.push_back(*slots_[slot]);
    }
    auto [it, is_new] = known_.try_emplace({call.function, inputs});
    if (is_new) {
      ASSIGN_OR_RETURN(it->second,
                       InferFunction(*program_.functions[call.function], inputs, axis_));
    }
    for (size_t o = 0; o < call.outputs.size(); ++o) {
      if (call.outputs[o] >= 0) RETURN_IF_ERROR(Write(call.outputs[o], it->second[o]));
    }
    return absl::OkStatus();
  }

  // A loss that is the same on every rank counts once: each rank is given its share of the seed, so
  // that gradients are terms of a sum whatever loss they come from.
  void SetSeed(int seed, int numerator) {
    const Placement placement = slots_[numerator].value_or(Placement());
    slots_[seed] = placement.is_partial() ? Placement::Replicated() : Placement::Partial();
  }

  absl::Status Write(int index, const Placement& placement) {
    std::optional<Placement>& slot = slots_[index];
    // The next micro-batch's terms come where the last one's total stood.
    if (reduced_.contains(index)) slot = placement;
    if (!slot.has_value()) slot = placement;
    if (*slot == placement) return absl::OkStatus();
    return absl::InvalidArgumentError(
        absl::StrCat("writes '", program_.slots[index].name, "': expected ", slot->ToText(),
                     " on axis '", axis_.name, "', got ", placement.ToText()));
  }

  absl::Status Reduce() {
    for (size_t p = 0; p < program_.params.size(); ++p) {
      const ProgramParam& param = program_.params[p];
      if (param.gradient_slot < 0 || !slots_[param.gradient_slot].has_value()) continue;
      Placement& placement = *slots_[param.gradient_slot];
      if (!placement.is_replicated() && placement != Placement::Partial()) {
        return absl::InvalidArgumentError(
            absl::StrCat("gradient of '", param.path, "' on axis '", axis_.name,
                         "': expected P(sum) or R, got ", placement.ToText()));
      }
      plan_.reduce_gradient[p] = placement.is_partial();
      placement = Placement::Replicated();
    }
    return absl::OkStatus();
  }

  // A sum in the middle of a step.
  absl::Status ReduceSlot(int index) {
    RET_CHECK(slots_[index].has_value()) << program_.slots[index].name;
    if (*slots_[index] != Placement::Partial()) {
      return absl::InvalidArgumentError(absl::StrCat(
          "sum '", program_.slots[index].name, "' over axis '", axis_.name,
          "': expected P(sum), a sum over tokens, got ", slots_[index]->ToText()));
    }
    reduced_.insert(index);
    slots_[index] = Placement::Replicated();
    return absl::OkStatus();
  }

  absl::Status AddSum(const SumSpec& sum) {
    for (const auto& [slot, is_partial] :
         {std::pair{sum.numerator_slot, &plan_.reduce_numerator},
          std::pair{sum.denominator_slot, &plan_.reduce_denominator}}) {
      const Placement placement = slots_[slot].value_or(Placement());
      if (!placement.is_replicated() && placement != Placement::Partial()) {
        return absl::InvalidArgumentError(
            absl::StrCat(sum.is_loss ? "loss '" : "metric '", sum.name, "' on axis '", axis_.name,
                         "': expected P(sum) or R, got ", placement.ToText()));
      }
      is_partial->push_back(placement.is_partial());
    }
    return absl::OkStatus();
  }

  const Program& program_;
  const DataParallelOptions& options_;
  MeshAxis axis_;
  DataParallelPlan plan_;
  std::vector<std::optional<Placement>> slots_;
  std::map<int, int> numerator_of_seed_;   // slots
  std::set<int> reduced_;                  // slots that ReduceSlot has summed
  std::map<std::pair<int, std::vector<Placement>>, std::vector<Placement>> known_;
};

}  // namespace

absl::StatusOr<DataParallelPlan> PlanDataParallel(const Program& program,
                                                  const DataParallelOptions& options) {
  return Planner(program, options).Run();
}

absl::Status DecideDataParallel(Program& program, const DataParallelOptions& options) {
  const absl::StatusOr<DataParallelPlan> plan = PlanDataParallel(program, options);
  program.not_data_parallel = plan.ok() ? "" : std::string(plan.status().message());
  if (!plan.ok()) {
    if (absl::IsInvalidArgument(plan.status())) return absl::OkStatus();
    return plan.status();
  }
  for (size_t p = 0; p < program.params.size(); ++p) {
    program.params[p].reduce_gradient = plan->reduce_gradient[p];
  }
  for (size_t s = 0; s < program.sums.size(); ++s) {
    program.sums[s].reduce_numerator = plan->reduce_numerator[s];
    program.sums[s].reduce_denominator = plan->reduce_denominator[s];
  }
  return absl::OkStatus();
}

}  // namespace tessera
