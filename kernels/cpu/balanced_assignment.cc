// balanced_assignment: tokens bid for places at experts until everyone has one.
//
// Every expert has ceil(N / E) places, each with a price that starts at 0. The next token without a
// place takes the cheapest place of the expert where its score less the price is largest; whoever
// stood there looks for another. The price rises by what the token gains over its second choice,
// and by the precision, so that there are at most (range / precision + 1) bids for each place and
// the end is within the precision of the best for each token. One task a group, tokens in order:
// the result follows from the scores alone.
#include <cmath>
#include <limits>

#include "kernels/cpu/internal/call.h"

namespace tessera::cpu {
namespace {

struct Group {
  int64_t tokens, experts, places;
  double precision;
};

// Memory of one group: prices and holders of all places, tokens that wait.
struct Auction {
  const Group& group;
  double* prices;     // [experts][places]
  int64_t* holders;   // [experts][places], -1 for none
  int64_t* waiting;   // a stack
  double lowest = 0;  // what NaN counts as

  // The cheapest place of an expert, and what the next one costs.
  int64_t Cheapest(int64_t expert, double* next) const {
    const double* p = prices + expert * group.places;
    int64_t best = 0;
    double second = std::numeric_limits<double>::infinity();
    for (int64_t i = 1; i < group.places; ++i) {
      if (p[i] < p[best]) {
        second = p[best];
        best = i;
      } else {
        second = std::min(second, p[i]);
      }
    }
    *next = second;
    return best;
  }

  template <class T>
  void Run(const T* scores, int32_t* ids) {
    double low = std::numeric_limits<double>::infinity(), high = -low;
    for (int64_t i = 0; i < group.tokens * group.experts; ++i) {
      const double s = static_cast<double>(Get(scores[i]));
      if (!std::isfinite(s)) continue;
      low = std::min(low, s);
      high = std::max(high, s);
    }
    lowest = low <= high ? low : 0;
    const double range = low < high ? high - low : 1;
    const double step = std::max(group.precision * range, 1e-300);
    const auto score = [&](int64_t t, int64_t e) {
      const double s = static_cast<double>(Get(scores[t * group.experts + e]));
      return std::isnan(s) ? lowest : std::clamp(s, lowest - range, lowest + 2 * range);
    };
    std::fill_n(prices, group.experts * group.places, 0.0);
    std::fill_n(holders, group.experts * group.places, int64_t{-1});
    int64_t count = 0;
    for (int64_t t = group.tokens; t-- > 0;) waiting[count++] = t;
    while (count > 0) {
      const int64_t token = waiting[--count];
      double best = -std::numeric_limits<double>::infinity(), second = best;
      int64_t expert = 0, place = 0;
      for (int64_t e = 0; e < group.experts; ++e) {
        double next = 0;
        const int64_t cheapest = Cheapest(e, &next);
        const double gain = score(token, e) - prices[e * group.places + cheapest];
        if (gain > best) {
          second = std::max(best, score(token, e) - next);
          best = gain;
          expert = e;
          place = cheapest;
        } else {
          second = std::max(second, gain);
        }
      }
      const int64_t at = expert * group.places + place;
      if (holders[at] >= 0) waiting[count++] = holders[at];
      holders[at] = token;
      ids[token] = static_cast<int32_t>(expert);
      prices[at] += (std::isfinite(second) ? best - second : 0) + step;
    }
  }
};

template <class T>
void RunAssignment(const tsr_kernel_call* call, const tsr_kernel_plan* plan, int32_t,
                   int64_t task) {
  const auto group = Params<Group>(plan);
  const int64_t places = group.experts * group.places;
  char* memory = static_cast<char*>(call->workspace) + task * (2 * places + group.tokens) * 8;
  Auction auction{group, reinterpret_cast<double*>(memory),
                  reinterpret_cast<int64_t*>(memory) + places,
                  reinterpret_cast<int64_t*>(memory) + 2 * places};
  auction.Run(In<T>(call, 0) + task * group.tokens * group.experts,
              Out<int32_t>(call, 0) + task * group.tokens);
}

int32_t PrepareAssignment(const tsr_kernel_call* call, tsr_kernel_plan* plan, char* reason) {
  if (!HasOperands(call, 1, 1, reason)) return 1;
  const tsr_operand& scores = call->inputs[0];
  if (scores.rank < 2 || LastDim(scores) < 1) {
    return Decline(reason, "expected scores of tokens and experts");
  }
  const int64_t groups = CountDims(scores, 0, scores.rank - 2);
  Group group;
  group.experts = LastDim(scores);
  group.tokens = scores.dims[scores.rank - 2];
  group.places = std::max<int64_t>(1, dense::CeilDiv(group.tokens, group.experts));
  group.precision = FloatAttr(call, "precision", 0.01);
  SetParams(plan, group);
  const tsr_kernel_run run = PickFloat(TypeOf(scores), []<class T>() -> tsr_kernel_run {
    return RunAssignment<T>;
  });
  if (Ready(plan, run, groups, reason) != 0) return 1;
  return TakeWorkspace(plan, groups, (2 * group.experts * group.places + group.tokens) * 8,
                       reason);
}

}  // namespace

void RegisterBalancedAssignmentKernels(KernelSink& sink) {
  AddReference<"balanced_assignment">(sink, PrepareAssignment);
}

}  // namespace tessera::cpu
