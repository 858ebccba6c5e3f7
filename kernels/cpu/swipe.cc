// swipe: choices are moved from groups of experts that are full to those that have room
// (cpp/ops/swipe.cc says in which order).
//
// One task a group of tokens; each slot is two passes over them. Ids come from gates, which may be
// anybody's: a wrong one is handed on for the plan to name, and indexes nothing here.
#include "kernels/cpu/internal/call.h"

namespace tessera::cpu {
namespace {

struct Group {
  int64_t tokens, slots, experts, size;   // size: experts of a group
};

struct Sharing {
  Group group;
  const int32_t* choices;
  int32_t* ids;
  int64_t* room;       // per group of experts
  int64_t* left_over;  // tokens of a slot
  int64_t first = 0;   // no group before it has room

  bool IsExpert(int64_t id) const { return id >= 0 && id < group.experts; }

  // Whether an earlier slot of the token holds the expert.
  bool Has(int64_t token, int64_t slot, int64_t expert) const {
    const int32_t* own = ids + token * group.slots;
    return std::find(own, own + slot, static_cast<int32_t>(expert)) != own + slot;
  }

  void FindRoom() {
    int64_t choices_made = 0;
    for (int64_t i = 0; i < group.tokens * group.slots; ++i) {
      choices_made += IsExpert(choices[i]) ? 1 : 0;
    }
    const int64_t groups = group.experts / group.size;
    std::fill_n(room, groups, dense::CeilDiv(choices_made, groups));
  }

  // Where a token goes whose choice has no room.
  int64_t Moved(int64_t token, int64_t slot, int64_t choice) {
    const int64_t groups = group.experts / group.size;
    while (first < groups && room[first] == 0) ++first;
    for (int64_t g = first; g < groups; ++g) {
      for (int64_t i = 0; room[g] > 0 && i < group.size; ++i) {
        const int64_t expert = g * group.size + (slot + i) % group.size;
        if (Has(token, slot, expert)) continue;
        --room[g];
        return expert;
      }
    }
    if (!Has(token, slot, choice)) return choice;
    int64_t lowest = 0;
    while (Has(token, slot, lowest)) ++lowest;   // there are at least as many experts as slots
    return lowest;
  }

  void Run() {
    FindRoom();
    for (int64_t slot = 0; slot < group.slots; ++slot) {
      int64_t count = 0;
      for (int64_t token = 0; token < group.tokens; ++token) {
        const int64_t at = token * group.slots + slot, id = choices[at];
        ids[at] = choices[at];
        if (!IsExpert(id)) continue;
        if (room[id / group.size] > 0 && !Has(token, slot, id)) {
          --room[id / group.size];
        } else {
          left_over[count++] = token;
        }
      }
      for (int64_t i = 0; i < count; ++i) {
        const int64_t at = left_over[i] * group.slots + slot;
        ids[at] = static_cast<int32_t>(Moved(left_over[i], slot, choices[at]));
      }
    }
  }
};

void RunSwipe(const tsr_kernel_call* call, const tsr_kernel_plan* plan, int32_t, int64_t task) {
  Sharing sharing;
  sharing.group = Params<Group>(plan);
  const int64_t groups = sharing.group.experts / sharing.group.size;
  const int64_t pairs = sharing.group.tokens * sharing.group.slots;
  sharing.choices = In<int32_t>(call, 0) + task * pairs;
  sharing.ids = Out<int32_t>(call, 0) + task * pairs;
  sharing.room = static_cast<int64_t*>(call->workspace) + task * (groups + sharing.group.tokens);
  sharing.left_over = sharing.room + groups;
  sharing.Run();
}

int32_t PrepareSwipe(const tsr_kernel_call* call, tsr_kernel_plan* plan, char* reason) {
  if (!HasOperands(call, 1, 1, reason)) return 1;
  const tsr_operand& choices = call->inputs[0];
  if (choices.rank < 2 || TypeOf(choices) != DType::kI32) {
    return Decline(reason, "expected i32 choices of tokens and slots");
  }
  Group group;
  group.tokens = choices.dims[choices.rank - 2];
  group.slots = LastDim(choices);
  group.experts = IntAttr(call, "num_experts", 1);
  group.size = IntAttr(call, "group_size", 1);
  if (group.slots > group.experts) return Decline(reason, "more slots than experts");
  SetParams(plan, group);
  const int64_t count = CountDims(choices, 0, choices.rank - 2);
  if (Ready(plan, RunSwipe, count, reason) != 0) return 1;
  return TakeWorkspace(plan, count, (group.experts / group.size + group.tokens) * 8, reason);
}

}  // namespace

void RegisterSwipeKernels(KernelSink& sink) { AddReference<"swipe">(sink, PrepareSwipe); }

}  // namespace tessera::cpu
