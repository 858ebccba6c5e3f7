// y = sum of x^2, f32 (f64 for f64): tiles of 4096 elements in fp64, then the tiles in order.
#include "kernels/cpu/internal/call.h"

namespace tessera::cpu {
namespace {

constexpr int64_t kTile = 4096;

template <class T>
void Run(const tsr_kernel_call* call, const tsr_kernel_plan*, int32_t phase, int64_t task) {
  const int64_t count = Count(call->inputs[0]);
  double* tiles = static_cast<double*>(call->workspace);
  if (phase == 0) {
    const Range range = ElementsOf(task, count);
    for (int64_t first = range.begin; first < range.end; first += kTile) {
      double sum = 0;
      for (int64_t i = first; i < std::min(range.end, first + kTile); ++i) {
        const double x = static_cast<double>(Get(In<T>(call, 0)[i]));
        sum += x * x;
      }
      tiles[first / kTile] = sum;
    }
    return;
  }
  double sum = 0;
  for (int64_t tile = 0; tile < CeilDiv(count, kTile); ++tile) sum += tiles[tile];
  if (TypeOf(call->outputs[0]) == DType::kF64) {
    *Out<double>(call, 0) = sum;
  } else {
    *Out<float>(call, 0) = static_cast<float>(sum);
  }
}

int32_t Prepare(const tsr_kernel_call* call, tsr_kernel_plan* plan, char* reason) {
  static_assert(kTaskElements % kTile == 0);
  if (!HasOperands(call, 1, 1, reason)) return 1;
  const int64_t count = Count(call->inputs[0]);
  const tsr_kernel_run run = PickFloat(TypeOf(call->inputs[0]),
                                       []<class T>() -> tsr_kernel_run { return Run<T>; });
  return ReadyTwoPhases(plan, run, ElementTasks(count), 1,
                        static_cast<size_t>(CeilDiv(count, kTile)) * sizeof(double), reason);
}

}  // namespace

void RegisterSumOfSquaresKernels(KernelSink& sink) {
  AddReference<"sum_of_squares">(sink, Prepare);
}

}  // namespace tessera::cpu
