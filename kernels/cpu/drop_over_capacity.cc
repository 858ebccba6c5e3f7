// drop_over_capacity: who keeps a place at an expert with limited room.
//
// One task a group. Pairs are sorted by (falling priority, place), a total order, so that sorting
// in place gives one result; then each takes a place while there is one.
#include <cmath>

#include "kernels/cpu/internal/call.h"

namespace tessera::cpu {
namespace {

struct Group {
  int64_t pairs;      // of (token, slot)
  int64_t experts;
  int64_t capacity;
};

template <class T>
void RunDrop(const tsr_kernel_call* call, const tsr_kernel_plan* plan, int32_t, int64_t task) {
  const auto group = Params<Group>(plan);
  const int32_t* ids = In<int32_t>(call, 0) + task * group.pairs;
  int32_t* kept = Out<int32_t>(call, 0) + task * group.pairs;
  char* memory = static_cast<char*>(call->workspace) + task * (group.pairs + group.experts) * 8;
  int64_t* order = reinterpret_cast<int64_t*>(memory);
  int64_t* taken = order + group.pairs;
  std::fill_n(taken, group.experts, 0);
  for (int64_t i = 0; i < group.pairs; ++i) order[i] = i;
  if (call->input_count == 2) {
    const T* priority = In<T>(call, 1) + task * group.pairs;
    std::sort(order, order + group.pairs, [priority](int64_t a, int64_t b) {
      const auto x = Get(priority[a]), y = Get(priority[b]);
      const bool x_is_nan = std::isnan(x), y_is_nan = std::isnan(y);
      if (x_is_nan != y_is_nan) return y_is_nan;
      if (!x_is_nan && x != y) return x > y;
      return a < b;
    });
  }
  for (int64_t i = 0; i < group.pairs; ++i) {
    const int64_t pair = order[i];
    const int64_t id = ids[pair];
    if (id < 0 || id >= group.experts) {
      kept[pair] = ids[pair];   // none, or wrong: that is for the plan to say
    } else {
      kept[pair] = taken[id] < group.capacity ? ids[pair] : -1;
      ++taken[id];
    }
  }
}

int32_t PrepareDrop(const tsr_kernel_call* call, tsr_kernel_plan* plan, char* reason) {
  const bool has_priority = call->input_count == 2;
  if (!HasOperands(call, has_priority ? 2 : 1, 1, reason)) return 1;
  const tsr_operand& ids = call->inputs[0];
  if (ids.rank < 2 || TypeOf(ids) != DType::kI32) {
    return Decline(reason, "expected i32 ids of tokens and slots");
  }
  const int64_t groups = CountDims(ids, 0, ids.rank - 2);
  Group group;
  group.pairs = CountDims(ids, ids.rank - 2, ids.rank);
  group.experts = IntAttr(call, "num_experts", 1);
  const double share = FloatAttr(call, "factor", 1) * static_cast<double>(group.pairs) /
                       static_cast<double>(group.experts);
  const double bounded = std::min(share, 9e15);
  const double rounded = BoolAttr(call, "round_down") ? std::floor(bounded) : std::ceil(bounded);
  group.capacity = std::max(IntAttr(call, "minimum", 0), static_cast<int64_t>(rounded));
  SetParams(plan, group);
  const tsr_kernel_run run =
      has_priority ? PickFloat(TypeOf(call->inputs[1]),
                               []<class T>() -> tsr_kernel_run { return RunDrop<T>; })
                   : RunDrop<float>;
  if (Ready(plan, run, groups, reason) != 0) return 1;
  return TakeWorkspace(plan, groups, (group.pairs + group.experts) * 8, reason);
}

}  // namespace

void RegisterDropOverCapacityKernels(KernelSink& sink) {
  AddReference<"drop_over_capacity">(sink, PrepareDrop);
}

}  // namespace tessera::cpu
