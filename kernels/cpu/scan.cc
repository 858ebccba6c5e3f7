// Along one dim: argmax (i32, the lowest of equal ones, NaN lowest) and cumsum.
//
// Legend: x is [O, n, I]; a lane is one (outer, inner) index. cumsum is kept in fp64 for floats, in
// the dtype itself for integers, and rounded at each element.
#include "kernels/cpu/internal/call.h"
#include "kernels/cpu/internal/convert.h"

namespace tessera::cpu {
namespace {

struct Lanes {
  int64_t outer = 1;
  int64_t n = 0;
  int64_t inner = 1;
};

bool ReadLanes(const tsr_kernel_call* call, tsr_kernel_plan* plan, Lanes* lanes, char* reason) {
  if (!HasOperands(call, 1, 1, reason)) return false;
  const tsr_operand& x = call->inputs[0];
  const int dim = DimAttr(call, "dim", x.rank);
  if (dim < 0 || dim >= x.rank) {
    Decline(reason, "the dim is not one of the operand");
    return false;
  }
  *lanes = {CountDims(x, 0, dim), x.dims[dim], CountDims(x, dim + 1, x.rank)};
  SetParams(plan, *lanes);
  return true;
}

// First element of a lane; elements follow at a distance of `inner`.
int64_t LaneStart(const Lanes& lanes, int64_t lane) {
  return lane / lanes.inner * lanes.n * lanes.inner + lane % lanes.inner;
}

template <class T>
void RunArgmax(const tsr_kernel_call* call, const tsr_kernel_plan* plan, int32_t, int64_t task) {
  const auto lanes = Params<Lanes>(plan);
  const Range range = RowsOf(task, lanes.outer * lanes.inner, lanes.n);
  for (int64_t lane = range.begin; lane < range.end; ++lane) {
    const T* x = In<T>(call, 0) + LaneStart(lanes, lane);
    int64_t best = 0;
    for (int64_t i = 1; i < lanes.n; ++i) {
      const auto top = Get(x[best * lanes.inner]), next = Get(x[i * lanes.inner]);
      if (next > top || (top != top && next == next)) best = i;
    }
    Out<int32_t>(call, 0)[lane] = static_cast<int32_t>(best);
  }
}

template <class T>
void RunCumsum(const tsr_kernel_call* call, const tsr_kernel_plan* plan, int32_t, int64_t task) {
  const auto lanes = Params<Lanes>(plan);
  const bool reverse = BoolAttr(call, "reverse"), exclusive = BoolAttr(call, "exclusive");
  using Sum = std::conditional_t<std::is_integral_v<T>, T, double>;
  const Range range = RowsOf(task, lanes.outer * lanes.inner, lanes.n);
  for (int64_t lane = range.begin; lane < range.end; ++lane) {
    const int64_t start = LaneStart(lanes, lane);
    Sum sum = 0;
    for (int64_t i = 0; i < lanes.n; ++i) {
      const int64_t at = start + (reverse ? lanes.n - 1 - i : i) * lanes.inner;
      const Sum before = sum;
      if constexpr (std::is_integral_v<T>) {
        sum = WrapAdd(sum, In<T>(call, 0)[at]);
      } else {
        sum += static_cast<double>(Get(In<T>(call, 0)[at]));
      }
      ConvertTo(exclusive ? before : sum, &Out<T>(call, 0)[at]);
    }
  }
}

int32_t PrepareArgmax(const tsr_kernel_call* call, tsr_kernel_plan* plan, char* reason) {
  Lanes lanes;
  if (!ReadLanes(call, plan, &lanes, reason)) return 1;
  const tsr_kernel_run run = PickNumber(TypeOf(call->inputs[0]),
                                        []<class T>() -> tsr_kernel_run { return RunArgmax<T>; });
  return Ready(plan, run, RowTasks(lanes.outer * lanes.inner, lanes.n), reason);
}

int32_t PrepareCumsum(const tsr_kernel_call* call, tsr_kernel_plan* plan, char* reason) {
  Lanes lanes;
  if (!ReadLanes(call, plan, &lanes, reason)) return 1;
  const tsr_kernel_run run = PickNumber(TypeOf(call->inputs[0]),
                                        []<class T>() -> tsr_kernel_run { return RunCumsum<T>; });
  return Ready(plan, run, RowTasks(lanes.outer * lanes.inner, lanes.n), reason);
}

}  // namespace

void RegisterScanKernels(KernelSink& sink) {
  AddReference<"argmax">(sink, PrepareArgmax);
  AddReference<"cumsum">(sink, PrepareCumsum);
}

}  // namespace tessera::cpu
