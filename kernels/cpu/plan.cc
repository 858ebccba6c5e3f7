// plan: a stable counting sort of chosen experts (cpp/ops/plan.cc says what comes out).
//
// One task: the sort moves a few bytes for each row, which costs little beside the rows themselves.
// Ids come from gates, which may be anybody's: each is checked before it is used as an index.
#include <cmath>
#include <cstdio>
#include <limits>

#include "kernels/cpu/internal/call.h"

namespace tessera::cpu {
namespace {

constexpr int32_t kInvalidArgument = 3;   // absl::StatusCode::kInvalidArgument

template <class... Args>
void FailCall(const tsr_kernel_call* call, const char* format, Args... args) {
  char text[160];
  const int length = std::snprintf(text, sizeof(text), format, args...);
  const int64_t most = static_cast<int64_t>(sizeof(text)) - 1;
  const auto size = static_cast<size_t>(std::clamp<int64_t>(length, 0, most));
  if (call->fail != nullptr) call->fail(call->failure, kInvalidArgument, text, size);
}

double WeightAt(const tsr_operand& weights, int64_t i) {
  switch (TypeOf(weights)) {
    case DType::kF64:
      return static_cast<const double*>(weights.data)[i];
    case DType::kF32:
      return static_cast<const float*>(weights.data)[i];
    case DType::kBF16:
      return Get(static_cast<const BF16*>(weights.data)[i]);
    default:
      return Get(static_cast<const F16*>(weights.data)[i]);
  }
}

struct Sort {
  const tsr_kernel_call* call;
  int64_t tokens, k, experts, planned;
  const int32_t* ids;
  int32_t* counts;
  int64_t* next;     // per expert: its next row
  int64_t* seen;     // per expert: the last token that chose it, from 1

  // Counts the rows of every expert; false after an error.
  bool Count() {
    std::fill_n(counts, experts, 0);
    std::fill_n(seen, experts, 0);
    int64_t total = 0;
    for (int64_t t = 0; t < tokens; ++t) {
      for (int64_t j = 0; j < k; ++j) {
        const int64_t id = ids[t * k + j];
        if (id == -1) continue;
        if (!Check(t, j, id)) return false;
        ++counts[id];
        ++total;
      }
    }
    if (total <= planned) return true;
    FailCall(call, "expected at most %lld rows for %lld tokens, got %lld",
             static_cast<long long>(planned), static_cast<long long>(tokens),
             static_cast<long long>(total));
    return false;
  }

  bool Check(int64_t t, int64_t j, int64_t id) {
    const auto token = static_cast<long long>(t), slot = static_cast<long long>(j);
    if (id < 0 || id >= experts) {
      FailCall(call, "token %lld, slot %lld: expected expert 0 to %lld, or -1 for none, got %lld",
               token, slot, static_cast<long long>(experts - 1), static_cast<long long>(id));
      return false;
    }
    if (seen[id] == t + 1) {
      FailCall(call, "token %lld, slot %lld: expert %lld is chosen twice", token, slot,
               static_cast<long long>(id));
      return false;
    }
    seen[id] = t + 1;
    if (call->input_count < 2) return true;
    const double weight = WeightAt(call->inputs[1], t * k + j);
    if (std::isfinite(weight)) return true;
    FailCall(call, "token %lld, slot %lld: the weight of expert %lld is %g", token, slot,
             static_cast<long long>(id), weight);
    return false;
  }

  void Place(int32_t* rows, int32_t* slots, int32_t* owners) {
    int64_t row = 0;
    for (int64_t e = 0; e < experts; ++e) {
      next[e] = row;
      row += counts[e];
    }
    for (int64_t i = 0; i < tokens * k; ++i) {
      if (ids[i] < 0) {
        rows[i] = -1;
        continue;
      }
      const int64_t r = next[ids[i]]++;
      rows[i] = static_cast<int32_t>(r);
      slots[r] = static_cast<int32_t>(i);
      owners[r] = ids[i];
    }
    std::fill(slots + row, slots + planned, -1);
    std::fill(owners + row, owners + planned, -1);
  }
};

void RunPlan(const tsr_kernel_call* call, const tsr_kernel_plan*, int32_t, int64_t) {
  Sort sort;
  sort.call = call;
  sort.k = LastDim(call->inputs[0]);
  sort.tokens = Rows(call->inputs[0]);
  sort.experts = Count(call->outputs[3]);
  sort.planned = Count(call->outputs[1]);
  sort.ids = In<int32_t>(call, 0);
  sort.counts = Out<int32_t>(call, 3);
  sort.next = static_cast<int64_t*>(call->workspace);
  sort.seen = sort.next + sort.experts;
  if (!sort.Count()) {
    // The step ends with the failure; until then nobody finds a row that is not there.
    std::fill_n(sort.counts, sort.experts, 0);
    std::fill_n(Out<int32_t>(call, 0), sort.tokens * sort.k, -1);
    std::fill_n(Out<int32_t>(call, 1), sort.planned, -1);
    std::fill_n(Out<int32_t>(call, 2), sort.planned, -1);
    return;
  }
  sort.Place(Out<int32_t>(call, 0), Out<int32_t>(call, 1), Out<int32_t>(call, 2));
}

int32_t PreparePlan(const tsr_kernel_call* call, tsr_kernel_plan* plan, char* reason) {
  const bool counted =
      (call->input_count == 1 || call->input_count == 2) && call->output_count == 4;
  if (!counted || call->inputs[0].rank < 1 || TypeOf(call->inputs[0]) != DType::kI32) {
    return Decline(reason, "expected ids[..., K] of i32, and perhaps weights");
  }
  if (call->input_count == 2 && !IsFloat(TypeOf(call->inputs[1]))) {
    return Decline(reason, "expected weights of floats");
  }
  constexpr int64_t kMost = std::numeric_limits<int32_t>::max();
  if (Count(call->inputs[0]) > kMost || Count(call->outputs[1]) > kMost) {
    return Decline(reason, "more than 2^31 slots or rows");
  }
  if (Ready(plan, RunPlan, 1, reason) != 0) return 1;
  plan->workspace_bytes = static_cast<size_t>(Count(call->outputs[3])) * 2 * sizeof(int64_t);
  return 0;
}

}  // namespace

void RegisterPlanKernels(KernelSink& sink) { AddReference<"plan">(sink, PreparePlan); }

}  // namespace tessera::cpu
