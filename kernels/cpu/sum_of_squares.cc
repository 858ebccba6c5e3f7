// y = sum of x^2, f32 (f64 for f64): tiles of 4096 elements in fp64, then the tiles in order.
#include "kernels/cpu/internal/call.h"
#include "kernels/cpu/internal/squares.h"
#include "kernels/cpu/vector/sums.h"

namespace tessera::cpu {
namespace {

template <class T>
void Run(const tsr_kernel_call* call, const tsr_kernel_plan*, int32_t phase, int64_t task) {
  if (phase == 1) return AddSquares(call);
  double* tiles = static_cast<double*>(call->workspace);
  const Range range = ElementsOf(task, Count(call->inputs[0]));
  for (int64_t first = range.begin; first < range.end; first += kSquaresTile) {
    double sum = 0;
    for (int64_t i = first; i < std::min(range.end, first + kSquaresTile); ++i) {
      const double x = static_cast<double>(Get(In<T>(call, 0)[i]));
      sum += x * x;
    }
    tiles[first / kSquaresTile] = sum;
  }
}

int32_t Prepare(const tsr_kernel_call* call, tsr_kernel_plan* plan, char* reason) {
  const tsr_kernel_run run = PickFloat(TypeOf(call->inputs[0]),
                                       []<class T>() -> tsr_kernel_run { return Run<T>; });
  return ReadySquares(call, plan, run, reason);
}

}  // namespace

void RegisterSumOfSquaresKernels(KernelSink& sink) {
  AddVector<"sum_of_squares">(sink, vector::PrepareSumOfSquares, 0, 2);
  AddReference<"sum_of_squares">(sink, Prepare);
}

}  // namespace tessera::cpu
