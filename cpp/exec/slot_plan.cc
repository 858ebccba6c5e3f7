#include "cpp/exec/slot_plan.h"

#include <algorithm>
#include <map>
#include <set>

#include "absl/strings/str_cat.h"
#include "cpp/base/status_macros.h"
#include "cpp/exec/offset_plan.h"

namespace tessera {

bool IsPersistent(SlotKind kind) {
  return kind == SlotKind::kParam || kind == SlotKind::kWeight || kind == SlotKind::kState ||
         kind == SlotKind::kOptimizer;
}

std::string StoreName(const Slot& slot, int micro_batch) {
  return micro_batch == 0 ? slot.name : absl::StrCat(slot.name, "#", micro_batch);
}

int64_t SlotPlan::gradient_bytes() const {
  int64_t bytes = 0;
  for (const GradientBucket& bucket : buckets_) bytes += bucket.bytes;
  return bytes;
}

absl::StatusOr<SlotPlan> SlotPlan::Make(const Program& program, const SymbolSizes& sizes) {
  SlotPlan plan;
  RETURN_IF_ERROR(plan.CheckProgram(program));
  RETURN_IF_ERROR(plan.SizeSlots(program, sizes));
  RETURN_IF_ERROR(plan.CheckCalls(program));
  RETURN_IF_ERROR(plan.FindLifetimes(program));
  plan.PlaceFixed(program);
  RETURN_IF_ERROR(plan.PlaceArena(program));
  return plan;
}

absl::Status SlotPlan::CheckProgram(const Program& program) const {
  const int slot_count = static_cast<int>(program.slots.size());
  RET_CHECK(program.micro_batches >= 1);
  for (const ProgramCall& call : program.calls) {
    RET_CHECK(call.function >= 0 && call.function < static_cast<int>(program.functions.size()))
        << "call at '" << call.at << "'";
    const Function& function = *program.functions[call.function];
    RET_CHECK(call.inputs.size() == function.inputs().size() &&
              call.outputs.size() == function.outputs().size())
        << "call at '" << call.at << "' of '" << function.name() << "'";
    for (int slot : call.inputs) {
      RET_CHECK(slot >= 0 && slot < slot_count) << "call at '" << call.at << "'";
    }
    for (int slot : call.outputs) RET_CHECK(slot < slot_count) << "call at '" << call.at << "'";
  }
  for (const Action& action : program.schedule) {
    RET_CHECK(action.micro_batch >= 0 && action.micro_batch < program.micro_batches);
    if (action.kind == ActionKind::kReduce) continue;
    const bool is_slot = action.kind == ActionKind::kReduceSlot ||
                         action.kind == ActionKind::kSend || action.kind == ActionKind::kReceive;
    const int index = is_slot ? action.slot : action.call;
    RET_CHECK(index >= 0 &&
              index < static_cast<int>(is_slot ? program.slots.size() : program.calls.size()));
  }
  std::set<std::pair<SlotKind, std::string_view>> persistent;
  for (const Slot& slot : program.slots) {
    if (!IsPersistent(slot.kind)) continue;
    RET_CHECK(persistent.insert({slot.kind, slot.name}).second)
        << "two persistent slots are named '" << slot.name << "'";
  }
  return absl::OkStatus();
}

absl::Status SlotPlan::SizeSlots(const Program& program, const SymbolSizes& sizes) {
  // Many slots have the same type; evaluating a dim costs more than finding it again.
  std::map<ValueType, SizedType, bool (*)(const ValueType&, const ValueType&)> known(
      [](const ValueType& a, const ValueType& b) {
        return a.dtype != b.dtype ? a.dtype < b.dtype : a.dims < b.dims;
      });
  int64_t all = 0;
  for (const Slot& slot : program.slots) {
    auto it = known.find(slot.type);
    if (it == known.end()) {
      absl::StatusOr<SizedType> sized = SizeType(slot.type, sizes);
      if (!sized.ok()) {
        return absl::Status(sized.status().code(), absl::StrCat("slot '", slot.name, "' ",
                                                                slot.type.ToText(), ": ",
                                                                sized.status().message()));
      }
      it = known.emplace(slot.type, *std::move(sized)).first;
    }
    types_.push_back(it->second);
    first_.push_back(static_cast<int>(instances_.size()));
    const int count = slot.per_micro_batch ? program.micro_batches : 1;
    for (int i = 0; i < count; ++i) {
      if (absl::Status added = AddPlannedBytes(it->second.bytes, all); !added.ok()) {
        return absl::Status(added.code(), absl::StrCat(added.message(), ", at slot '", slot.name,
                                                       "' ", slot.type.ToText()));
      }
    }
    instances_.resize(instances_.size() + count);
  }
  first_.push_back(static_cast<int>(instances_.size()));
  return absl::OkStatus();
}

absl::Status SlotPlan::CheckCalls(const Program& program) const {
  for (const ProgramCall& call : program.calls) {
    const Function& function = *program.functions[call.function];
    const auto check = [&](int slot, ValueId formal) -> absl::Status {
      if (slot < 0) return absl::OkStatus();
      const ValueType& bound = program.slots[slot].type;
      RET_CHECK(bound.dtype == function.type(formal).dtype &&
                bound.dims.size() == function.type(formal).dims.size())
          << "call at '" << call.at << "': slot '" << program.slots[slot].name << "' is "
          << bound.ToText() << ", '" << function.name() << "' has "
          << function.type(formal).ToText();
      return absl::OkStatus();
    };
    for (size_t i = 0; i < call.inputs.size(); ++i) {
      RETURN_IF_ERROR(check(call.inputs[i], function.inputs()[i].value));
    }
    for (size_t j = 0; j < call.outputs.size(); ++j) {
      RETURN_IF_ERROR(check(call.outputs[j], function.outputs()[j].value));
    }
  }
  return absl::OkStatus();
}

absl::Status SlotPlan::FindLifetimes(const Program& program) {
  for (size_t t = 0; t < program.schedule.size(); ++t) {
    const Action& action = program.schedule[t];
    if (action.kind == ActionKind::kSend || action.kind == ActionKind::kReceive) {
      SlotInstance& instance = instances_[InstanceIndex(action.slot, action.micro_batch)];
      if (program.slots[action.slot].kind != SlotKind::kTemporary) continue;
      if (instance.first < 0) instance.first = static_cast<int>(t);
      instance.last = static_cast<int>(t);
    }
    if (action.call < 0) continue;
    const ProgramCall& call = program.calls[action.call];
    for (int slot : call.inputs) {
      if (program.slots[slot].kind != SlotKind::kTemporary) continue;
      SlotInstance& instance = instances_[InstanceIndex(slot, action.micro_batch)];
      RET_CHECK(instance.first >= 0)
          << "call at '" << call.at << "', micro-batch " << action.micro_batch << ", reads slot '"
          << program.slots[slot].name << "' before anything writes it";
      instance.last = static_cast<int>(t);
    }
    for (int slot : call.outputs) {
      if (slot < 0 || program.slots[slot].kind != SlotKind::kTemporary) continue;
      SlotInstance& instance = instances_[InstanceIndex(slot, action.micro_batch)];
      if (instance.first < 0) instance.first = static_cast<int>(t);
      instance.last = static_cast<int>(t);
    }
  }
  return absl::OkStatus();
}

void SlotPlan::PlaceFixed(const Program& program) {
  for (size_t s = 0; s < program.slots.size(); ++s) {
    const SlotKind kind = program.slots[s].kind;
    for (int i = first_[s]; i < first_[s + 1]; ++i) {
      SlotInstance& instance = instances_[i];
      const int64_t bytes = AlignBytes(types_[s].bytes);
      if (IsPersistent(kind)) {
        instance.region = SlotRegion::kPersistent;
        persistent_bytes_ += bytes;
      } else if (kind == SlotKind::kGradient) {
        const DType dtype = types_[s].dtype;
        const int param = program.slots[s].param;
        const bool known = param >= 0 && param < static_cast<int>(program.params.size());
        const bool reduce = !known || program.params[param].reduce_gradient;
        auto it = std::find_if(buckets_.begin(), buckets_.end(), [&](const GradientBucket& b) {
          return b.dtype == dtype && b.reduce == reduce;
        });
        if (it == buckets_.end()) it = buckets_.insert(buckets_.end(), {dtype, reduce, 0});
        instance.region = SlotRegion::kGradient;
        instance.bucket = static_cast<int>(it - buckets_.begin());
        instance.offset = it->bytes;
        it->bytes += bytes;
      } else if (kind != SlotKind::kTemporary) {
        instance.region = SlotRegion::kOwned;
        instance.offset = owned_bytes_;
        owned_bytes_ += bytes;
      }
    }
  }
}

absl::Status SlotPlan::PlaceArena(const Program& program) {
  std::vector<Block> blocks;
  std::vector<int> owners;
  for (size_t s = 0; s < program.slots.size(); ++s) {
    for (int i = first_[s]; i < first_[s + 1]; ++i) {
      if (instances_[i].first < 0) continue;
      instances_[i].region = SlotRegion::kArena;
      blocks.push_back({types_[s].bytes, instances_[i].first, instances_[i].last, 0});
      owners.push_back(i);
    }
  }
  ASSIGN_OR_RETURN(const OffsetPlan offsets, AssignOffsets(blocks));
  for (size_t b = 0; b < blocks.size(); ++b) instances_[owners[b]].offset = blocks[b].offset;
  arena_bytes_ = offsets.total_bytes;
  arena_lower_bound_bytes_ = offsets.lower_bound_bytes;
  peak_moment_ = offsets.peak_moment;
  return absl::OkStatus();
}

std::vector<std::pair<std::string, int64_t>> SlotPlan::LargestAtPeak(const Program& program,
                                                                     size_t count) const {
  std::vector<std::pair<int64_t, int>> found;  // bytes, slot: all instances alive together
  for (size_t s = 0; s < program.slots.size(); ++s) {
    int64_t bytes = 0;
    for (int i = first_[s]; i < first_[s + 1]; ++i) {
      const SlotInstance& instance = instances_[i];
      const bool alive = instance.region == SlotRegion::kArena
                             ? instance.first <= peak_moment_ && instance.last >= peak_moment_
                             : instance.region != SlotRegion::kNone;
      if (alive) bytes += types_[s].bytes;
    }
    if (bytes > 0) found.push_back({bytes, static_cast<int>(s)});
  }
  std::sort(found.begin(), found.end(), [](const auto& a, const auto& b) {
    return a.first != b.first ? a.first > b.first : a.second < b.second;
  });
  if (found.size() > count) found.resize(count);
  std::vector<std::pair<std::string, int64_t>> largest;
  for (const auto& [bytes, slot] : found) {
    static constexpr const char* kKinds[] = {"input",     "parameter", "weight",   "state",
                                             "optimizer", "key",       "scalar",   "gradient",
                                             "result",    "temporary"};
    largest.push_back({absl::StrCat(kKinds[static_cast<int>(program.slots[slot].kind)], " ",
                                    program.slots[slot].name, " ", types_[slot].ToText()),
                       bytes});
  }
  return largest;
}

}  // namespace tessera
