// Pieces along one dim: slice, pad, concat. Legend: O elements before the dim (outer), I after it
// (inner); tensors are [O, n, I]. Tasks are ranges of the result, walked as runs of equal source.
#include <cstring>

#include "kernels/cpu/internal/call.h"
#include "kernels/cpu/internal/convert.h"

namespace tessera::cpu {
namespace {

struct Along {
  int64_t start = 0;
  int64_t step = 1;
  int64_t source_dim = 0;
  int64_t result_dim = 0;
  int64_t inner = 1;
};

Along AlongDim(const tsr_kernel_call* call, int dim) {
  const tsr_operand& x = call->inputs[0];
  Along along;
  along.source_dim = x.dims[dim];
  along.result_dim = call->outputs[0].dims[dim];
  along.inner = CountDims(x, dim + 1, x.rank);
  return along;
}

bool IsDim(const tsr_kernel_call* call, int dim, char* reason) {
  const int rank = call->outputs[0].rank;
  if (dim >= 0 && dim < rank && call->inputs[0].rank == rank) return true;
  Decline(reason, "the dim is not one of the operand");
  return false;
}

template <class T>
void RunSlice(const tsr_kernel_call* call, const tsr_kernel_plan* plan, int32_t, int64_t task) {
  const auto along = Params<Along>(plan);
  const Range range = ElementsOf(task, Count(call->outputs[0]));
  // A step of 1 makes one run of all that is taken of an outer index.
  const int64_t run = along.step == 1 ? along.result_dim * along.inner : along.inner;
  const int64_t runs = along.step == 1 ? 1 : along.result_dim;
  for (int64_t at = range.begin; at < range.end;) {
    const int64_t within = at % run, index = at / run % runs, outer = at / run / runs;
    const int64_t count = std::min(range.end - at, run - within);
    const int64_t from =
        (outer * along.source_dim + along.start + index * along.step) * along.inner + within;
    std::memcpy(Out<T>(call, 0) + at, In<T>(call, 0) + from,
                static_cast<size_t>(count) * sizeof(T));
    at += count;
  }
}

int32_t PrepareSlice(const tsr_kernel_call* call, tsr_kernel_plan* plan, char* reason) {
  if (!HasOperands(call, 1, 1, reason)) return 1;
  const int dim = DimAttr(call, "dim", call->inputs[0].rank);
  if (!IsDim(call, dim, reason)) return 1;
  Along along = AlongDim(call, dim);
  along.start = IntAttr(call, "start", 0);
  along.step = IntAttr(call, "step", 1);
  // Divided and subtracted, for start + (count - 1) * step may leave 64 bits.
  const bool reaches_out =
      along.start < 0 || along.step < 1 ||
      (along.result_dim > 0 && (along.start >= along.source_dim ||
                                along.result_dim - 1 >
                                    (along.source_dim - 1 - along.start) / along.step));
  if (reaches_out) {
    return Decline(reason, "the slice reaches outside the operand");
  }
  SetParams(plan, along);
  const tsr_kernel_run run = PickBytes(TypeOf(call->inputs[0]),
                                       []<class T>() -> tsr_kernel_run { return RunSlice<T>; });
  return Ready(plan, run, ElementTasks(Count(call->outputs[0])), reason);
}

template <class T>
void RunPad(const tsr_kernel_call* call, const tsr_kernel_plan* plan, int32_t, int64_t task) {
  const auto along = Params<Along>(plan);
  T value;
  ConvertTo(FloatAttr(call, "value", 0), &value);
  const Range range = ElementsOf(task, Count(call->outputs[0]));
  const int64_t row = along.result_dim * along.inner;
  const int64_t low = along.start * along.inner;
  const int64_t kept = along.source_dim * along.inner;
  for (int64_t at = range.begin; at < range.end;) {
    const int64_t within = at % row, outer = at / row;
    T* y = Out<T>(call, 0) + at;
    int64_t count = range.end - at;
    if (within >= low && within < low + kept) {
      count = std::min(count, low + kept - within);
      std::copy_n(In<T>(call, 0) + outer * kept + within - low, count, y);
    } else {
      count = std::min(count, within < low ? low - within : row - within);
      std::fill_n(y, count, value);
    }
    at += count;
  }
}

int32_t PreparePad(const tsr_kernel_call* call, tsr_kernel_plan* plan, char* reason) {
  if (!HasOperands(call, 1, 1, reason)) return 1;
  const int dim = DimAttr(call, "dim", call->inputs[0].rank);
  if (!IsDim(call, dim, reason)) return 1;
  Along along = AlongDim(call, dim);
  along.start = IntAttr(call, "low", 0);
  if (along.start < 0 || along.start > along.result_dim - along.source_dim) {
    return Decline(reason, "the operand does not fit into the padded dim");
  }
  SetParams(plan, along);
  const tsr_kernel_run run = PickAny(TypeOf(call->inputs[0]),
                                     []<class T>() -> tsr_kernel_run { return RunPad<T>; });
  return Ready(plan, run, ElementTasks(Count(call->outputs[0])), reason);
}

template <class T>
void RunConcat(const tsr_kernel_call* call, const tsr_kernel_plan* plan, int32_t, int64_t task) {
  const int dim = Params<int>(plan);
  const tsr_operand& out = call->outputs[0];
  const int64_t inner = CountDims(out, dim + 1, out.rank);
  const int64_t row = out.dims[dim] * inner;
  const Range range = ElementsOf(task, Count(out));
  for (int64_t at = range.begin; at < range.end;) {
    const int64_t outer = at / row;
    int64_t within = at % row;
    int source = 0;
    int64_t size = call->inputs[0].dims[dim] * inner;
    while (within >= size) {
      within -= size;
      size = call->inputs[++source].dims[dim] * inner;
    }
    const int64_t count = std::min(range.end - at, size - within);
    std::memcpy(Out<T>(call, 0) + at, In<T>(call, source) + outer * size + within,
                static_cast<size_t>(count) * sizeof(T));
    at += count;
  }
}

int32_t PrepareConcat(const tsr_kernel_call* call, tsr_kernel_plan* plan, char* reason) {
  if (call->input_count < 1) return Decline(reason, "expected at least one operand");
  const int dim = DimAttr(call, "dim", call->inputs[0].rank);
  if (!IsDim(call, dim, reason)) return 1;
  int64_t total = 0;
  for (int i = 0; i < call->input_count; ++i) total += call->inputs[i].dims[dim];
  if (total != call->outputs[0].dims[dim]) return Decline(reason, "the parts are not the whole");
  SetParams(plan, dim);
  const tsr_kernel_run run = PickBytes(TypeOf(call->inputs[0]),
                                       []<class T>() -> tsr_kernel_run { return RunConcat<T>; });
  return Ready(plan, run, ElementTasks(Count(call->outputs[0])), reason);
}

}  // namespace

void RegisterSliceKernels(KernelSink& sink) {
  AddReference<"slice">(sink, PrepareSlice);
  AddReference<"pad">(sink, PreparePad);
  AddReference<"concat">(sink, PrepareConcat);
}

}  // namespace tessera::cpu
